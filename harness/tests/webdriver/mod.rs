//! A small WebDriver client: enough to open a page in headless Chromium, click through it, and look.
//!
//! W3C WebDriver over HTTP/1.1; logs by chromedriver's own `/se/log`.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The key under which WebDriver gives an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Names under which distributions install a program.
fn installed(names: &[&'static str]) -> Option<&'static str> {
    names.iter().copied().find(|name| {
        let mut command = Command::new(name);
        command.arg("--version").stdin(Stdio::null());
        let out = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        out.is_ok_and(|s| s.success())
    })
}

/// One browser at a time, so that what is measured in it is its own.
static ONE: Mutex<()> = Mutex::new(());

/// A browser; closed when dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
    _one: MutexGuard<'static, ()>,
}

impl Browser {
    /// Start one with a window of this size. None when there is no Chromium, which is said.
    pub fn start(width: u32, height: u32) -> Option<Browser> {
        let driver = installed(&["chromedriver"]);
        let chromium = installed(&["chromium", "chromium-browser", "google-chrome"]);
        let (Some(driver), Some(chromium)) = (driver, chromium) else {
            assert!(
                std::env::var_os("TICKSCOPE_REQUIRE_TOOLS").is_none(),
                "chromium or chromedriver is not installed"
            );
            eprintln!("skipped: chromium or chromedriver is not installed");
            return None;
        };
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().expect("a folder");
        // The driver chooses its port and says which: one that was chosen here could be taken meanwhile, and asking whether
        // it listens could connect to itself.
        let mut child = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let port = port_of(&mut child);
        let mut browser = Browser {
            driver: child,
            port,
            session: String::new(),
            _profile: profile,
            _one: one,
        };
        let folder = browser._profile.path().display().to_string();
        let options = json!({
            "binary": which(chromium),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--no-first-run", "--force-device-scale-factor=1",
                format!("--window-size={width},{height}"),
                format!("--user-data-dir={folder}"),
            ],
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let made = browser.request("POST", "/session", Some(&wanted));
        let id = made["sessionId"].as_str().expect("a session");
        browser.session = id.to_owned();
        Some(browser)
    }

    /// One HTTP request. The `value` of the answer; a panic with the driver's words when it is an error.
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("set");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .expect("sent");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(n) = line.strip_prefix("content-length:") {
                length = n.trim().parse().expect("a length");
            }
        }
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).expect("an answer");
        let mut answer: Value = serde_json::from_slice(&bytes).expect("JSON");
        let value = answer["value"].take();
        if let Some(error) = value["error"].as_str() {
            panic!("{method} {path}: {error}: {}", value["message"]);
        }
        value
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        self.request("POST", &path, Some(body))
    }

    /// Open a page of this machine.
    pub fn open(&self, path: &Path) {
        self.post(
            "/url",
            &json!({"url": format!("file://{}", path.display())}),
        );
    }

    /// The value of a script: the body of a function.
    pub fn eval(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// A script's value once it is neither null, false nor an empty text.
    pub fn wait(&self, script: &str) -> Value {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let value = self.eval(script);
            if !(value.is_null() || value == json!(false) || value == json!("")) {
                return value;
            }
            assert!(Instant::now() < end, "never: {script}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Let the page draw what it has been asked to.
    pub fn settle(&self) {
        let script = "const done = arguments[arguments.length - 1]; requestAnimationFrame(() => requestAnimationFrame(() => done(1)));";
        self.post("/execute/async", &json!({"script": script, "args": []}));
    }

    fn element(&self, css: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": css}));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Click the first element that matches, as a person does: it must be visible.
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/click"), &json!({}));
        self.settle();
    }

    /// Type into the element that has the focus.
    pub fn keys(&self, text: &str) {
        let actions: Vec<Value> = text
            .chars()
            .flat_map(|c| ["keyDown", "keyUp"].map(|t| json!({"type": t, "value": c.to_string()})))
            .collect();
        self.actions(&json!([{"type": "key", "id": "keys", "actions": actions}]));
    }

    /// Mouse at these places of the window; the button is down from the first to the last if `drag`.
    pub fn mouse(&self, places: &[(i64, i64)], drag: bool) {
        let mut actions = Vec::new();
        for (i, (x, y)) in places.iter().enumerate() {
            actions.push(json!({"type": "pointerMove", "duration": 20, "x": x, "y": y}));
            if drag && i == 0 {
                actions.push(json!({"type": "pointerDown", "button": 0}));
            }
        }
        if drag {
            actions.push(json!({"type": "pointerUp", "button": 0}));
        }
        let parameters = json!({"pointerType": "mouse"});
        self.actions(&json!([{"type": "pointer", "id": "mouse", "parameters": parameters, "actions": actions}]));
    }

    /// Turn the wheel at a place of the window.
    pub fn wheel(&self, (x, y): (i64, i64), by: i64) {
        let turn = json!({"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": by});
        self.actions(&json!([{"type": "wheel", "id": "wheel", "actions": [turn]}]));
    }

    fn actions(&self, actions: &Value) {
        self.post("/actions", &json!({"actions": actions}));
        self.settle();
    }

    /// A command of Chromium's own protocol.
    pub fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.post("/goog/cdp/execute", &body)
    }

    /// What a log (`browser`, `performance`) got since it was last asked.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let log = self.post("/se/log", &json!({"type": kind}));
        log.as_array().expect("a log").clone()
    }

    /// The whole page as PNG, in base64.
    pub fn screenshot(&self) -> String {
        let all = json!({"captureBeyondViewport": true});
        let picture = self.devtools("Page.captureScreenshot", all);
        picture["data"].as_str().expect("PNG").to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.request("DELETE", &format!("/session/{}", self.session), None);
        } else if !self.session.is_empty() {
            // Chromium ends with its session; a second panic would hide the first.
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                let _ = write!(
                    stream,
                    "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
                    self.session
                );
                let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                let _ = stream.read(&mut [0; 64]);
            }
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Where a program is: chromedriver wants a whole path.
fn which(program: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file());
    found.expect("it was started before").display().to_string()
}

/// The port that a driver says it listens on, when it does.
fn port_of(driver: &mut Child) -> u16 {
    let said = driver.stdout.take().expect("its output");
    let mut lines = BufReader::new(said).lines();
    let port = lines.by_ref().find_map(|line| {
        let line = line.ok()?;
        let (_, rest) = line.split_once("started successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    // It may say more, which nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver says its port")
}
