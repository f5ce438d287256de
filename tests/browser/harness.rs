//! A real browser, headless, for tests of pages.
//!
//! A test opens a [`Browser`] of its own, does what a person does (`go`, `click`, `fill`, `choose`, `keys`) and waits for what
//! a person would see (`sees`, `lacks`); nothing waits for a time to pass. [`look`](Browser::look) takes pictures of a state in
//! three widths and has axe-core look at it, light and dark. [`close`](Browser::close) fails on whatever the browser has
//! complained of: errors of scripts, answers of 400 and more, and everything that a content security policy has kept out.
//! Nothing but this machine can be reached.
//!
//! A selector is CSS, or XPath where it begins with `//`.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::{Client, ClientBuilder, Locator, elements::Element, error::CmdError};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A browser with a profile of its own. It ends with the value, also when a test fails.
pub(super) struct Browser {
    client: Client,
    process: Process,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
enum Scheme {
    Light,
    Dark,
}

impl Browser {
    pub(super) async fn open() -> Self {
        let mut process = Process::start();
        let wishes = json!({ "goog:chromeOptions": { "args": ARGUMENTS }, "goog:loggingPrefs": { "browser": "ALL" } });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(serde_json::from_value(wishes).unwrap());
        let client = builder.connect(&process.url()).await.expect("install `chromium`, as `scripts/test` does");
        process.session = client.session_id().await.unwrap();
        let browser = Self { client, process };
        browser.before_pages(REPORTS).await;
        browser.resize(1280, Scheme::Light).await;
        browser
    }

    /// Runs a script before those of each page that is opened from now on.
    pub(super) async fn before_pages(&self, script: &str) {
        self.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Has the pages that are opened from now on do without their scripts.
    pub(super) async fn without_scripts(&self) {
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    // ---- what a person does -----------------------------------------------------------------------------------------

    pub(super) async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url} cannot be opened: {error}"));
    }

    pub(super) async fn click(&self, selector: &str) {
        self.acts(selector, async |element| element.click().await).await;
    }

    /// Empties a field, and types.
    pub(super) async fn fill(&self, selector: &str, text: &str) {
        self.acts(selector, async |element| {
            element.clear().await?;
            element.send_keys(text).await
        })
        .await;
    }

    /// Gives something the focus, and presses keys.
    pub(super) async fn keys(&self, selector: &str, keys: &str) {
        self.acts(selector, async |element| element.send_keys(keys).await).await;
    }

    /// Chooses the entry of a list that has this text.
    pub(super) async fn choose(&self, selector: &str, text: &str) {
        let list = self.element(selector).await;
        let option = list.find(Locator::XPath(&format!("./option[normalize-space()='{text}']"))).await;
        option.unwrap_or_else(|_| panic!("`{selector}` has no entry `{text}`")).click().await.unwrap();
    }

    // ---- what a person sees -----------------------------------------------------------------------------------------

    /// Waits until something is visible and has this text in it, however it is broken into lines.
    pub(super) async fn sees(&self, selector: &str, text: &str) {
        let found = async || {
            for element in self.visible(selector).await? {
                let words = element.text().await?.split_whitespace().collect::<Vec<_>>().join(" ");
                if words.contains(text) {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        };
        let what = format!("no visible `{selector}` has the text `{text}`");
        self.wait(&what, found).await;
    }

    /// Waits until nothing visible is there.
    pub(super) async fn lacks(&self, selector: &str) {
        let gone = async || Ok(self.visible(selector).await?.is_empty().then_some(()));
        self.wait(&format!("`{selector}` is still visible"), gone).await;
    }

    /// Waits until a script's expression is true.
    pub(super) async fn holds(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        let holds = async || Ok((self.client.execute(&script, Vec::new()).await? == Value::Bool(true)).then_some(()));
        self.wait(&format!("`{expression}` does not become true"), holds).await;
    }

    /// What a script's expression is.
    pub(super) async fn value<T: DeserializeOwned>(&self, expression: &str) -> T {
        serde_json::from_value(self.client.execute(&format!("return {expression}"), Vec::new()).await.unwrap()).unwrap()
    }

    // ---- what nobody sees -------------------------------------------------------------------------------------------

    /// Takes pictures of the page, `target/screenshots/NAME-WIDTH.png`, and fails where it is too wide for the window, or where
    /// axe-core finds something that keeps somebody out.
    pub(super) async fn look(&self, name: &str) {
        for width in WIDTHS {
            for scheme in [Scheme::Light, Scheme::Dark] {
                self.resize(width, scheme).await;
                let wide: u64 = self.value("document.documentElement.scrollWidth").await;
                assert!(wide <= u64::from(width), "{name} needs {wide} pixels of {width}");
                self.assert_accessible(name).await;
                let suffix = if matches!(scheme, Scheme::Dark) { "-dark" } else { "" };
                self.picture(
                    &screenshots().join(format!("{name}-{width}{suffix}.png")),
                    "png",
                    "document.documentElement",
                )
                .await;
            }
        }
        self.resize(1280, Scheme::Light).await;
    }

    /// Writes a picture of an element, in WebP, below `docs/` if the environment asks for it.
    pub(super) async fn picture_for_docs(&self, path: &str, element: &str) {
        if std::env::var_os("HANDSET_PICTURES").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures").join(path);
            self.picture(&path, "webp", &format!("document.querySelector({})", json!(element))).await;
        }
    }

    /// Ends the browser; fails if it has complained of anything but of what contains one of these texts.
    pub(super) async fn close(mut self, expected: &[&str]) {
        let complaints = self.complaints().await;
        let unexpected: Vec<_> =
            complaints.iter().filter(|text| !expected.iter().any(|known| text.contains(known))).collect();
        assert!(unexpected.is_empty(), "the browser complains: {unexpected:#?}");
        self.client.close().await.unwrap();
        self.process.session = None;
    }

    /// What the browser has complained of since it was asked last.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", json!({ "type": "browser" })).await;
        let loud =
            log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        loud.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// What axe-core finds on the page as it is now: a line for each thing.
    pub(super) async fn violations(&self) -> Vec<String> {
        let axe = axe();
        self.client.execute(&axe, Vec::new()).await.unwrap();
        serde_json::from_value(self.client.execute_async(RUN_AXE, Vec::new()).await.unwrap()).unwrap()
    }

    async fn assert_accessible(&self, name: &str) {
        let violations = self.violations().await;
        assert!(violations.is_empty(), "axe-core on {name}: {violations:#?}");
    }

    async fn resize(&self, width: u32, scheme: Scheme) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if matches!(scheme, Scheme::Dark) { "dark" } else { "light" };
        // What moves would be another picture each time, and colours halfway between.
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.tell("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    async fn picture(&self, path: &Path, format: &str, element: &str) {
        let edges =
            "(({left, top, width, height}) => ({x: left + scrollX, y: top + scrollY, width, height, scale: 1}))";
        let clip: Value = self.value(&format!("{edges}({element}.getBoundingClientRect())")).await;
        // Beyond the window, the browser moves pages that read from the right.
        let beyond: bool = self.value("document.dir !== 'rtl'").await;
        let wish = json!({ "format": format, "captureBeyondViewport": beyond, "clip": clip });
        let picture = self.tell("Page.captureScreenshot", wish).await;
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// Says something to the browser in its own protocol.
    async fn tell(&self, method: &str, parameters: Value) -> Value {
        self.command("goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await
    }

    /// A command that only this driver has.
    async fn command(&self, path: &str, parameters: Value) -> Value {
        let url = format!("{}/session/{}/{path}", self.process.url(), self.process.session.as_ref().unwrap());
        let answer = reqwest::Client::new().post(url).json(&parameters).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        assert!(answer["value"].get("error").is_none(), "{path} {parameters}: {answer}");
        answer["value"].take()
    }

    async fn visible(&self, selector: &str) -> Result<Vec<Element>, CmdError> {
        let by = if selector.starts_with("//") { Locator::XPath(selector) } else { Locator::Css(selector) };
        let mut visible = Vec::new();
        for element in self.client.find_all(by).await? {
            if element.is_displayed().await? {
                visible.push(element);
            }
        }
        Ok(visible)
    }

    async fn element(&self, selector: &str) -> Element {
        let found = async || Ok(self.visible(selector).await?.into_iter().next());
        self.wait(&format!("no visible `{selector}`"), found).await
    }

    async fn acts(&self, selector: &str, act: impl AsyncFn(&Element) -> Result<(), CmdError>) {
        let acts = async || match self.visible(selector).await?.first() {
            Some(element) => act(element).await.map(Some),
            None => Ok(None),
        };
        self.wait(&format!("nothing can be done with `{selector}`"), acts).await
    }

    /// Asks again and again until there is something. An error is no end: an element may go while it is asked.
    async fn wait<T>(&self, otherwise: &str, find: impl AsyncFn() -> Result<Option<T>, CmdError>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = find().await;
            if let Ok(Some(found)) = found {
                return found;
            }
            if Instant::now() > end {
                let error = found.err().map(|error| error.to_string()).unwrap_or_default();
                let text: String = self.value("document.body.innerText").await;
                self.picture(&screenshots().join("failed.png"), "png", "document.documentElement").await;
                panic!("{otherwise} {error}\n--- target/screenshots/failed.png, the page says:\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A `chromedriver` on a port that it picks.
struct Process {
    child: Child,
    port: u16,
    /// That of the browser, which would outlive the driver.
    session: Option<String>,
}

impl Process {
    fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command
            .spawn()
            .expect("install `chromedriver`: Debian has it in `chromium-driver`, and `scripts/test` installs it");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            line.strip_prefix("ChromeDriver was started successfully on port ")?.trim_end_matches('.').parse().ok()
        });
        Self { child, port: port.expect("`chromedriver` does not say where it listens"), session: None }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends the browser, and waits for its end. By hand, since a test that fails can wait for nothing.
    fn end_session(&self, session: &str) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        // The answer comes when the browser has ended; the driver keeps the connection.
        stream.read(&mut [0; 1024]).map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both may have ended already.
        if let Some(session) = &self.session {
            let _ = self.end_session(session);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn screenshots() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots")
}

fn axe() -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("axe-core/axe.min.js");
    fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("{} is missing: run `scripts/test unit` once, it installs axe-core", path.display()))
}

/// A page may ask for nothing but this machine: other names are unknown. The browser's own sandbox needs privileges that a
/// container does not give, and the only pages that it opens are ours.
const ARGUMENTS: [&str; 7] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// Puts what a policy keeps out into the log, beside what scripts complain of.
const REPORTS: &str = "addEventListener('securitypolicyviolation', (report) => \
    console.error(`policy: ${report.effectiveDirective} keeps out ${report.blockedURI || report.sample}`));";

const RUN_AXE: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then(
      ({ violations }) => done(violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 300)} ${failureSummary}`))),
      (error) => done([`axe-core fails: ${error}`]));";

/// Those of a small phone, a tablet and a desk, in CSS pixels.
const WIDTHS: [u32; 3] = [320, 768, 1280];

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);
