//! nginx in front of the upstream: TLS, and all the ways in which a proxy says not now, and not so much.

use std::fs;
use std::path::Path;
use std::process::Command;

use rcgen::{CertificateParams, KeyPair};
use tempfile::tempdir;

use crate::archive::{lines, texts};
use crate::peers::{Running, free};
use crate::support::{Gateway, PROTOBUF, log, post, until};

/// It takes 2 kB at most, ten requests a second, and nothing while there is a file `closed`.
fn nginx(dir: &Path, behind: &Gateway) -> Running {
    let listen = free();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(dir.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    let (here, to) = (dir.display(), behind.http);
    let config = format!(
        "user root;\ndaemon off;\nmaster_process off;\npid {here}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  \
         log_format status '$status';\n  access_log {here}/statuses status;\n  client_body_temp_path {here}/body;\n  \
         proxy_temp_path {here}/proxy;\n  fastcgi_temp_path {here}/f;\n  uwsgi_temp_path {here}/u;\n  scgi_temp_path {here}/s;\n  \
         limit_req_zone $binary_remote_addr zone=all:1m rate=10r/s;\n  server {{\n    listen {listen} ssl;\n    \
         ssl_certificate {here}/cert.pem;\n    ssl_certificate_key {here}/key.pem;\n    client_max_body_size 2k;\n    \
         add_header Retry-After 1 always;\n    location / {{\n      if (-f {here}/closed) {{ return 503; }}\n      \
         limit_req zone=all;\n      limit_req_status 429;\n      proxy_pass http://{to};\n    }}\n  }}\n}}\n"
    );
    let path = dir.join("nginx.conf");
    fs::write(&path, config).unwrap();
    Running::start(
        Command::new("/usr/sbin/nginx").arg("-c").arg(path).arg("-p").arg(dir),
        listen,
        listen,
        dir,
    )
}

#[test]
fn nginx_asks_to_wait_and_to_send_less_over_tls() {
    let dir = tempdir().unwrap();
    let behind = Gateway::start(&dir.path().join("behind"), &[]);
    fs::write(dir.path().join("closed"), "").unwrap();
    let nginx = nginx(dir.path(), &behind);
    let config = dir.path().join("gateway.toml");
    let (port, ca) = (nginx.http.port(), dir.path().join("cert.pem"));
    let destination =
        format!("[[destination]]\nurl = 'https://localhost:{port}'\nca-file = '{}'\n", ca.display());
    fs::write(&config, destination).unwrap();
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let sent: Vec<String> = (0..12).map(|n| format!("{n}: {}", "a line of a log ".repeat(25))).collect();
    for text in &sent {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(text)).status, 200);
    }
    let statuses = |status: &str| {
        let all = fs::read_to_string(dir.path().join("statuses")).unwrap_or_default();
        all.lines().filter(|line| *line == status).count()
    };
    until("it is told to wait", || statuses("503") > 0);
    fs::remove_file(dir.path().join("closed")).unwrap();
    let data = dir.path().join("behind");
    until("everything has arrived", || texts(&lines(&data, "logs"), "stringValue").len() >= sent.len());
    let mut arrived = texts(&lines(&data, "logs"), "stringValue");
    arrived.sort();
    let mut sent = sent;
    sent.sort();
    assert_eq!(arrived, sent, "each once");
    let [waits, many, large] = ["503", "429", "413"].map(statuses);
    assert!(waits > 0 && many > 0 && large > 0, "{waits} {many} {large}");
    println!(
        "interop: gateway → nginx, TLS, with {waits} × 503, {many} × 429, {large} × 413 | 12 log records | 12 log records"
    );
}
