//! A person at a browser: Chromium without a window, driven over WebDriver.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{PATIENCE, eventually, within};

/// Names the folder of the installed accessibility checker.
const AXE: &str = "target/tools/axe/node_modules/axe-core/axe.min.js";
/// A folder in which a picture of every page that is judged is put, where it is set.
const PICTURES: &str = "CONSOLE_PICTURES";

pub const WIDE: (u32, u32) = (1280, 900);
pub const NARROW: (u32, u32) = (390, 844);
/// The width at which a page that is enlarged four times still has to be read without scrolling sideways.
const ENLARGED: (u32, u32) = (320, 640);

/// One browser. Its processes end with it.
pub struct Browser {
    driver: Child,
    client: Client,
    origin: String,
    _profile: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser when it is asked to, and leaves it when it is killed: its session is a group of its own.
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}

/// Starts a driver; gives the port it listens on.
async fn start_driver() -> (Child, String) {
    loop {
        match tokio::task::spawn_blocking(try_driver).await.expect("it was started") {
            Ok(started) => return started,
            // Drivers that start at the same moment may be given the same port: all but one of them end.
            Err(said) if said.contains("port not available") => {}
            Err(said) => panic!("chromedriver ended: {said}"),
        }
    }
}

/// The same; an error is what a driver said before it ended.
fn try_driver() -> Result<(Child, String), String> {
    let mut command = Command::new("chromedriver");
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut driver = command
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver, which `cargo xtask test` installs");
    let mut out = BufReader::new(driver.stdout.take().expect("out"));
    let mut said = String::new();
    let port = loop {
        let start = said.len();
        if out.read_line(&mut said).expect("a line") == 0 {
            driver.wait().expect("it ended");
            return Err(said);
        }
        if said[start..].contains("successfully on port") {
            break said[start..].trim().trim_end_matches('.').rsplit(' ').next().expect("a port").to_owned();
        }
    };
    std::thread::spawn(move || drop(std::io::Read::read_to_string(&mut out, &mut String::new())));
    Ok((driver, port))
}

impl Browser {
    /// Opens a browser for pages of `origin`, such as `http://127.0.0.1:1234`.
    pub async fn open(origin: &str) -> Self {
        Self::open_with(origin, TempDir::new().expect("a folder"), Vec::new()).await
    }

    /// The same, with a profile that is prepared, and more arguments. It waits for no page to be loaded.
    pub async fn open_with(origin: &str, profile: TempDir, arguments: Vec<String>) -> Self {
        let (driver, port) = start_driver().await;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(profile.path(), arguments));
        let address = format!("http://127.0.0.1:{port}");
        let client = within(PATIENCE * 2, builder.connect(&address)).await.expect("in good time").expect("a browser");
        let browser = Self { driver, client, origin: origin.to_owned(), _profile: profile };
        browser.resize(WIDE).await;
        browser
    }

    pub async fn resize(&self, (width, height): (u32, u32)) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Light or dark, as the system of its person is.
    pub async fn shade(&self, shade: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": shade}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Has Chromium itself do something, in the tab of now; gives its answer.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let call = Devtools { command: command.to_owned(), parameters };
        self.client.issue_cmd(call).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// The tabs that are open.
    pub async fn tabs(&self) -> Vec<WindowHandle> {
        self.client.windows().await.expect("tabs")
    }

    /// Looks at another tab.
    pub async fn turn_to(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.expect("a tab");
    }

    /// Closes the tab that is looked at.
    pub async fn close_tab(&self) {
        self.client.close_window().await.expect("it is closed");
    }

    /// Goes to a whole address.
    pub async fn visit(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    pub async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.origin)).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The path and query of the page.
    pub async fn place(&self) -> String {
        let url = self.client.current_url().await.expect("an address");
        url.as_str().trim_start_matches(&self.origin).to_owned()
    }

    /// Waits until the page is at a path that begins so.
    pub async fn until_at(&self, path: &str) {
        eventually(&format!("the browser is at {path}"), async || {
            let place = self.place().await;
            if place.starts_with(path) { Ok(()) } else { Err(place) }
        })
        .await;
    }

    /// Types into a field, in place of what stands in it.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
        field.clear().await.expect("a field");
        field.send_keys(text).await.expect("a field");
    }

    /// Types into a field, after what stands in it; into a field for files their paths.
    pub async fn types(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
        field.send_keys(text).await.expect("a field");
    }

    /// Says yes to what the page asks.
    pub async fn says_yes(&self) {
        eventually("the page asks", async || self.client.accept_alert().await.map_err(|error| error.to_string())).await;
    }

    /// Waits until a selector finds something.
    pub async fn until_there(&self, css: &str) {
        let what = format!("there is {css}");
        let found = eventually(&what, async || {
            let found = self.script(&format!("return document.querySelector({}) !== null", json!(css))).await;
            if found == true { Ok(()) } else { Err(format!("{} {}", self.place().await, self.text().await)) }
        });
        found.await;
    }

    /// Waits until an expression of the page has this value.
    pub async fn until_it_is(&self, expression: &str, wanted: &str) {
        eventually(&format!("{expression} is {wanted}"), async || {
            let found = self.script(&format!("return {expression}")).await;
            if found == wanted { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    }

    /// Holds a phone's camera at a QR code of the page; gives what it reads.
    pub async fn scans(&self, css: &str) -> String {
        eventually(&format!("there is a code in {css}"), async || {
            let element = self.client.find(Locator::Css(css)).await.map_err(|error| error.to_string())?;
            let png = element.screenshot().await.map_err(|error| error.to_string())?;
            decode(&png).ok_or_else(|| "no code can be read".to_owned())
        })
        .await
    }

    /// Clicks on what a selector finds first.
    pub async fn click(&self, css: &str) {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        let found = found.unwrap_or_else(|error| panic!("{css}: {error}"));
        found.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Runs a script in the page; gives what it returns.
    pub async fn script(&self, text: &str) -> Value {
        self.client.execute(text, Vec::new()).await.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Runs a script in the page with one argument.
    pub async fn script_of(&self, text: &str, argument: &str) -> Value {
        let ran = self.client.execute(text, vec![argument.into()]).await;
        ran.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// The text of the page's main part, as a person reads it.
    pub async fn text(&self) -> String {
        let text = self.script("return document.querySelector('main')?.innerText ?? ''").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says so.
    pub async fn reads(&self, text: &str) {
        eventually(&format!("the page says '{text}'"), async || {
            let seen = self.text().await;
            if seen.contains(text) { Ok(()) } else { Err(format!("{} {seen}", self.place().await)) }
        })
        .await;
    }

    /// Signs in, from wherever the browser is.
    pub async fn signs_in(&self, userid: &str, password: &str) {
        self.go("/console/sign-in").await;
        self.fill("[name=userid]", userid).await;
        self.fill("[name=password]", password).await;
        self.click("main button.main").await;
    }

    /// The page has no serious fault for people who see, hear or point differently, in light and dark, wide and narrow;
    /// and nobody has to scroll it sideways.
    pub async fn judge(&self, name: &str) {
        let looks = [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")];
        self.judge_in(name, &looks).await;
    }

    /// As [`Browser::judge`], in half of the ways to look at it: for what differs from a judged page by a part.
    pub async fn judge_part(&self, name: &str) {
        self.judge_in(name, &[(WIDE, "light"), (NARROW, "dark")]).await;
    }

    async fn judge_in(&self, name: &str, looks: &[((u32, u32), &str)]) {
        self.is_no_wider_than(ENLARGED, name).await;
        self.picture(&format!("{name}-320-light")).await;
        let axe = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE));
        let axe = axe.expect("axe-core, which `cargo xtask test` installs");
        // A script of the driver is not bound by the page's policy.
        self.script(&format!("{axe}; window.axe = axe; return true")).await;
        for (size, shade) in looks {
            self.is_no_wider_than(*size, name).await;
            self.shade(shade).await;
            let run = "const done = arguments[arguments.length - 1]; \
                       axe.run(document, {resultTypes: ['violations']}).then(done, error => done({error: String(error)}))";
            let found = self.client.execute_async(run, Vec::new()).await.expect("it judges");
            let serious: Vec<String> =
                found["violations"].as_array().expect("a list").iter().filter(is_serious).map(told).collect();
            assert!(serious.is_empty(), "{name}, {size:?}, {shade}: {serious:#?}");
            self.picture(&format!("{name}-{}-{shade}", size.0)).await;
        }
        self.resize(WIDE).await;
        self.shade("light").await;
    }

    async fn is_no_wider_than(&self, size: (u32, u32), name: &str) {
        self.resize(size).await;
        let over = self.script("return document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(over.as_i64().is_some_and(|over| over <= 0), "{name} is {over} px wider than a screen of {size:?}");
    }

    /// Presses Tab or Enter, wherever the focus is.
    pub async fn presses(&self, key: &str) {
        let (code, text) = if key == "Enter" { (13, "\r") } else { (9, "") };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let pressed = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            self.devtools("Input.dispatchKeyEvent", pressed).await;
        }
    }

    pub async fn picture(&self, name: &str) {
        #[allow(clippy::disallowed_methods, reason = "a wish of who runs the stories, no setting of the gateway")]
        let Ok(folder) = std::env::var(PICTURES) else { return };
        // As long as the page is.
        let height = self.script("return document.documentElement.scrollHeight").await;
        let width = self.script("return window.innerWidth").await;
        let size = |side: &Value| side.as_u64().and_then(|side| u32::try_from(side).ok()).expect("a size");
        let former = self.script("return window.innerHeight").await;
        self.resize((size(&width), size(&height))).await;
        let png = self.client.screenshot().await.expect("a picture");
        self.resize((size(&width), size(&former))).await;
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), png).expect("written");
    }
}

fn is_serious(violation: &&Value) -> bool {
    ["serious", "critical"].iter().any(|impact| violation["impact"] == *impact)
}

fn told(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten().map(|node| node["html"].to_string());
    format!("{}: {}", violation["help"], nodes.take(3).collect::<Vec<_>>().join(" "))
}

fn capabilities(profile: &Path, more: Vec<String>) -> serde_json::Map<String, Value> {
    let load = if more.is_empty() { "normal" } else { "none" };
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // The stories run as root on machines of their own, where the browser's sandbox does not start.
        "--no-sandbox".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        "--lang=en-US".to_owned(),
        // Nothing is asked of anybody but the gateway.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
        "--disable-background-networking".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    // Of two that name the same the later counts.
    arguments.extend(more);
    let options = json!({"args": arguments});
    let wanted = json!({"browserName": "chrome", "pageLoadStrategy": load, "goog:chromeOptions": options});
    wanted.as_object().cloned().unwrap_or_default()
}

/// A command of Chromium's own, by the driver's way to it.
#[derive(Debug)]
struct Devtools {
    command: String,
    parameters: Value,
}

impl fantoccini::wd::WebDriverCompatibleCommand for Devtools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(json!({"cmd": self.command, "params": self.parameters}).to_string()))
    }
}

/// What a phone reads of a picture.
fn decode(png: &[u8]) -> Option<String> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let shape = reader.next_frame(&mut pixels).ok()?;
    let (line, samples) = (shape.line_size, shape.color_type.samples());
    let light = |x: usize, y: usize| pixels[y * line + x * samples];
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(shape.width as usize, shape.height as usize, light);
    picture.detect_grids().first()?.decode().ok().map(|(_, text)| text)
}
