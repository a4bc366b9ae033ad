//! The page, in a real browser: Debian's Chromium, told what to do by WebDriver over plain HTTP.
//!
//! `SCREENSHOTS=DIR` keeps what it looked like.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::*;

struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    fn start() -> Self {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut driver = driver.expect("chromedriver is there: `cargo xtask test --install` installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok()
        });
        thread::spawn(move || lines.for_each(drop));
        let mut browser =
            Self { driver, address: ([127, 0, 0, 1], port.unwrap()).into(), session: String::new() };
        let arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"];
        let options = json!({ "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let made = browser.ask("POST", "/session", &wanted);
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        browser
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        // It keeps the connection, whatever it is told.
        while line != "\r\n" {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0, "{method} {path}: no answer");
            let number = line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse());
            length = number.map_or(length, |number| number.unwrap());
        }
        let mut json = vec![0; length];
        reader.read_exact(&mut json).unwrap();
        let value = serde_json::from_slice::<Value>(&json).unwrap()["value"].take();
        assert!(value.get("error").is_none(), "{method} {path}: {value}");
        value
    }

    fn tell(&self, command: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}/{command}", self.session), body)
    }

    fn open(&self, url: &str) {
        self.tell("url", &json!({ "url": url }));
    }

    fn run(&self, script: &str) -> Value {
        self.tell("execute/sync", &json!({ "script": script, "args": [] }))
    }

    fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("return document.querySelector({selector:?})?.textContent ?? ''"));
        text.as_str().unwrap().to_owned()
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.tell("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    fn look(&self, width: u32, height: u32, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    fn keep(&self, name: &str) {
        let Some(dir) = std::env::var_os("SCREENSHOTS") else { return };
        let png = self.ask("GET", &format!("{}/screenshot", self.session), &Value::Null);
        fs::write(PathBuf::from(dir).join(name), STANDARD.decode(png.as_str().unwrap()).unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !thread::panicking() {
            // It takes its browser along.
            self.ask("DELETE", &self.session, &Value::Null);
        }
        _ = self.driver.kill();
        _ = self.driver.wait();
    }
}

/// What an upstream says that wants to be more than text.
const HOSTILE: &str =
    "<img src=x onerror=\"document.title='taken'\"> & <script>document.title='taken'</script>";

/// An upstream that cannot now, and says so.
fn hostile_upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut status = Vec::new();
    let json = json!({ "code": 14, "message": HOSTILE }).to_string();
    smoltel_proto::from_json(&smoltel_proto::table::STATUS, json.as_bytes(), &mut status).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            _ = stream.read(&mut [0; 64 << 10]);
            let head = format!(
                "HTTP/1.1 503 X\r\nContent-Type: application/x-protobuf\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                status.len()
            );
            _ = stream.write_all(&[head.as_bytes(), &status].concat());
        }
    });
    url
}

#[test]
fn an_operator_sees_what_happens_and_nobody_else_writes_there() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &["--upstream", &hostile_upstream()]);
    let browser = Browser::start();
    browser.look(1100, 1000, "light");
    browser.open(&format!("http://{}/", gateway.admin));
    let logs = |column: u32| browser.text(&format!("#received tr[data-name=logs] > :nth-child({column})"));
    until("it is live", || browser.text("#connection") == "live");
    for _ in 0..3 {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("x")).status, 200);
    }
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, b"\x0A\x05").status, 400);
    until("what arrived is shown", || logs(3) == "3" && logs(4) == "3");
    let to = |column: u32| browser.text(&format!("#destinations tr[data-name=logs] > :nth-child({column})"));
    until("what waits is shown, and why", || to(4) == "3" && to(6) == "retrying" && to(7).contains(HOSTILE));
    assert_eq!(browser.text("#refused"), "Refused requests: 1 with 400");
    assert_eq!(browser.text("#nothing-lost"), "Nothing is lost.");
    assert!(browser.text("#spool-text").contains("3 requests"), "{}", browser.text("#spool-text"));
    // Text, and nothing else, came from there.
    assert_eq!(browser.run("return document.querySelectorAll('main img, main script').length"), 0);
    assert_eq!(browser.run("return document.title"), "smoltel-gateway");
    let points = "return document.querySelector('#received tr[data-name=logs] polyline').points.length > 2";
    until("a rate is drawn", || browser.run(points) == true);
    browser.keep("light.png");

    let paper = "return getComputedStyle(document.body).backgroundColor";
    let light = browser.run(paper);
    browser.look(1100, 1000, "dark");
    assert_ne!(browser.run(paper), light);
    browser.keep("dark.png");
    browser.look(390, 844, "light");
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run(fits), true, "a phone scrolls tables, not the page");
    browser.keep("phone.png");

    gateway.kill();
    until("that nobody answers is said", || browser.text("#connection").starts_with("no answer since"));
    assert_eq!(logs(3), "3", "what was known stays");
}

#[test]
fn whoever_cannot_see_or_point_gets_along_and_nothing_jumps() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let browser = Browser::start();
    browser.look(1100, 1000, "light");
    browser.open(&format!("http://{}/", gateway.admin));
    until("it is live", || browser.text("#connection") == "live");
    let all = |script: &str| assert_eq!(browser.run(&format!("return {script}")), true, "{script}");
    all("['header', 'main', 'footer', 'h1'].every((name) => document.querySelectorAll(name).length === 1)");
    all("document.documentElement.lang === 'en'");
    all("[...document.querySelectorAll('th')].every((cell) => ['col', 'row'].includes(cell.scope))");
    all("[...document.querySelectorAll('section, [role=region]')].every((one) => \
         document.getElementById(one.getAttribute('aria-labelledby'))?.textContent)");
    all("document.querySelector('[role=status]').getAttribute('aria-live') === 'polite'");
    all("[...document.querySelectorAll('svg')].every((one) => one.getAttribute('aria-hidden') === 'true')");
    // Whatever scrolls can be reached without a mouse, and so can every link.
    let tab = json!({ "actions": [{ "type": "key", "id": "keys", "actions": [
        { "type": "keyDown", "value": "\u{E004}" }, { "type": "keyUp", "value": "\u{E004}" },
    ] }] });
    let mut reached = Vec::new();
    for _ in 0..7 {
        browser.tell("actions", &tab);
        let name =
            "const on = document.activeElement; return on.getAttribute('aria-labelledby') ?? on.textContent";
        reached.push(browser.run(name).as_str().unwrap().to_owned());
    }
    for name in ["arrives", "destination-0", "lost-head", "metrics", "ready"] {
        assert!(reached.iter().any(|one| one == name), "{name} is not in {reached:?}");
    }
    // From now on there are polls, with numbers that change.
    browser.run(
        "window.jumps = 0; new PerformanceObserver((list) => { jumps += list.getEntries().length; })\
         .observe({ type: 'layout-shift' }); window.before = document.querySelector('main').offsetHeight",
    );
    for expected in ["1", "2"] {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("x")).status, 200);
        let left = "#destinations tr[data-name=logs] > :nth-child(3)";
        until("what left is shown", || browser.text(left) == expected);
    }
    all("jumps === 0 && before === document.querySelector('main').offsetHeight");
}
