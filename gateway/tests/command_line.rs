//! What people type, and what they are told: one line, with an exit status.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use support::*;

/// Asserts one line on stderr that holds `words`, and the exit status.
fn assert_refused(output: &Output, status: i32, words: &[&str]) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.contains("listening for")).collect();
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].starts_with("smoltel-gateway: ") && lines[0].contains("; "), "{text}");
    for word in words {
        assert!(lines[0].contains(word), "{word:?} is not in {text}");
    }
}

#[test]
fn a_wrong_command_line_is_refused_in_one_line() {
    let cases: [(&[&str], &str); 17] = [
        (&["--htp", "x"], "--http"),
        (&["--http", "here"], "127.0.0.1:4318"),
        (&["--http", "127.0.0.1:99999"], "99999"),
        (&["--admin", "localhost"], "localhost"),
        (&["--upstream", "collector:4318"], "http://"),
        (&["--upstream", "http://localhost:4318"], "itself"),
        (&["--upstream", "http://127.0.0.1:5000", "--http", "0.0.0.0:5000"], "itself"),
        (&["--upstream", "http://user:secret@host"], "headers"),
        (&["--grpc", "127.0.0.1"], "127.0.0.1:4318"),
        (&["--upstream", "http://localhost:4317"], "--grpc"),
        (&["--certificate", "x"], "--key"),
        (&["--token-file", "/nowhere/tokens", "check"], "behind the command"),
        (&["--link", "localhost"], "127.0.0.1:4318"),
        (&["--serial", "/dev/ttyS0:1"], "/dev/ttyUSB0:115200"),
        (&["fly"], "fly"),
        (&["--data-dir", "x", "spool", "ls"], "behind the command"),
        (&["spool", "drain"], "--to"),
    ];
    for (args, word) in cases {
        assert_refused(&output(args), 2, &[word]);
    }
}

#[test]
fn a_wrong_config_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    let path = path.to_str().unwrap();
    assert_refused(&output(&["check", "--config", path]), 2, &[path, "--config"]);
    let cases = [
        ("data_dir = 'x'", "data-dir"),
        ("[limits]\nconnections = 0", "from 1"),
        ("[limits]\nrequest-mib = 16\nin-flight-mib = 16", "from 20"),
        ("[spool]\ncapacity-mib = 'much'", "line 2"),
        ("[spool]\ncompression = 'lz4'", "line 2"),
        ("[spool]\nkey-file = '/nowhere/key'", "key-file"),
        ("[[destination]]\nurl = 'http://a:1'\n[[destination]]\nurl = 'http://a:1/'", "a name of its own"),
        ("[[destination]]\ncompression = 'gzip'", "url"),
        ("[[destination]]\nurl = 'a:1'", "http://"),
        ("[[destination]]\nurl = 'http://a:1'\nca-file = '/nowhere/ca'", "/nowhere/ca"),
        ("[[destination]]\narchive = 'x'\ncompression = 'gzip'", "is an archive"),
        ("grpc = '127.0.0.1'", "127.0.0.1:4318"),
        ("http = 7", "line 1"),
        ("[http]\nlisten = 'off'\ntokens = 'x'", "line 3"),
        ("[grpc]\ncertificate-file = '/x'", "key-file"),
        ("[grpc]\nclient-ca-file = '/x'", "certificate-file"),
        ("[admin]\ntoken-file = '/nowhere/tokens'", "/nowhere/tokens"),
        ("[limits]\nsender-connections = 0", "from 1"),
        ("[devices]\n'a name of 16 byt' = { key-file = 'x' }", "1 to 15 bytes"),
        ("[devices]\nx = { key-file = '/nowhere/key' }", "/nowhere/key"),
        ("\x07 = 1", "line 1"),
    ];
    for (text, word) in cases {
        fs::write(path, text).unwrap();
        assert_refused(&output(&["check", "--config", path]), 2, &[word]);
        assert_refused(&output(&["--config", path]), 2, &[word]);
    }
}

#[test]
fn check_prints_a_config_that_means_the_same_and_hides_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    let path = path.to_str().unwrap();
    let tokens = dir.path().join("tokens");
    fs::write(&tokens, "x").unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let text = "[[destination]]\nurl = ['http://a:1', 'http://b:1']\nlag-mib = 3\nheaders = { Authorization = 'Bearer x' }";
    fs::write(path, format!("[grpc]\ntoken-file = {tokens:?}\n{text}")).unwrap();
    let first = output(&["check", "--config", path, "--http", "off"]);
    assert!(first.status.success(), "{first:?}");
    let text = String::from_utf8(first.stdout.clone()).unwrap();
    assert!(
        text.contains("http = \"off\"") && text.contains("(hidden)") && !text.contains("Bearer"),
        "{text}"
    );
    let json = output(&["check", "--config", path, "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["destination"][0]["headers"]["Authorization"], "(hidden)");
    fs::write(path, &first.stdout).unwrap();
    assert_eq!(output(&["check", "--config", path]).stdout, first.stdout);
}

#[test]
fn the_environment_gives_the_upstream() {
    let check = |url: &str| binary().arg("check").env("OTEL_EXPORTER_OTLP_ENDPOINT", url).output().unwrap();
    let text = String::from_utf8(check("http://elsewhere:4318").stdout).unwrap();
    assert!(text.contains("http://elsewhere:4318"), "{text}");
    assert_refused(&check("http://localhost:4318"), 2, &["itself", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    assert!(!String::from_utf8(check("").stdout).unwrap().contains("upstream"));
}

#[test]
fn help_and_version_are_answers() {
    let help = output(&["--help"]);
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("--upstream"));
    assert!(output(&["--version"]).status.success());
}

#[test]
fn a_machine_in_the_way_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let off = ["--http", "127.0.0.1:0", "--grpc", "off", "--link", "off", "--admin", "off"];
    let run = |args: &[&str]| output(&[&off[..], args].concat());

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_refused(
        &output(&["--http", &address, "--grpc", "off", "--link", "off", "--data-dir", data]),
        1,
        &[&address, "--http"],
    );

    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert_refused(&run(&["--data-dir", file.to_str().unwrap()]), 1, &["file", "--data-dir"]);

    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere.
    if fs::write(closed.join("probe"), "").is_err() {
        assert_refused(&run(&["--data-dir", closed.to_str().unwrap()]), 1, &["closed", "--data-dir"]);
    }

    let _gateway = Gateway::start(dir.path(), &[]);
    assert_refused(&run(&["--data-dir", data]), 1, &["LOCK", "--data-dir"]);
    assert_refused(&output(&["spool", "verify", "--repair", "--data-dir", data]), 1, &["LOCK"]);
}

#[test]
fn nobody_there_to_take_test_telemetry_is_said() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_refused(&output(&["send", "--to", &format!("http://{nobody}")]), 1, &["--to"]);
}

#[test]
fn the_log_is_json_if_so_wished() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    fs::write(&path, "log-format = 'json'\n").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["--config", path.to_str().unwrap(), "--http", "0.0.0.0:0", "--grpc", &address];
    let output = output(&args);
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["severityText"] == "WARN"), "anybody can use it: {text}");
    assert!(lines.last().unwrap()["message"].as_str().unwrap().contains(&address), "{text}");
    assert!(lines.iter().all(|line| line["timeUnixNano"].as_str().is_some_and(|time| time.len() == 19)));
}
