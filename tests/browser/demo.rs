//! The demo: its shop and the phone beside it, with the clients for production between them.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use super::harness::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_callers_number_lets_the_money_go() {
    for way in ["Flash call by NumCheck", "Flash call by Citcall"] {
        type_code(way, ".caller b").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_in_a_text_lets_the_money_go() {
    for way in ["Text message", "E-mail"] {
        type_code(way, ".notice .text").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoken_code_lets_the_money_go() {
    type_code("Spoken code", ".notice .text").await;
}

/// A transfer whose code a person reads off the phone, at `place`.
async fn type_code(way: &str, place: &str) {
    let demo = Demo::start();
    let browser = Browser::open().await;
    browser.go(&demo.url).await;
    start(&browser, way).await;
    browser.sees(place, "").await;
    let said: String = browser.value(&format!("document.querySelector('{place}').textContent")).await;
    let code: String = said.split('.').next().unwrap().chars().filter(char::is_ascii_digit).collect();
    browser.look(&format!("demo-{}", way.to_lowercase().replace(' ', "-"))).await;
    if way == "Text message" {
        browser.picture_for_docs("demo.webp", ".page").await;
    }
    browser.fill("#code", &code).await;
    browser.click("#confirm").await;
    browser.sees("#result", "1200 EUR sent to Charles Babbage, approved by").await;
    browser.sees("#steps", "The code is right").await;
    browser.sees("#steps", "is asked").await;
    browser.close(&["401 (Unauthorized)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_pressed_on_the_phone_lets_the_money_go() {
    let demo = Demo::start();
    let browser = Browser::open().await;
    browser.go(&demo.url).await;
    start(&browser, "A key on a call").await;
    browser.click(".action.answer").await;
    browser.sees(".greeting", "waits for a key").await;
    browser.look("demo-a-key").await;
    browser.click(".key:first-child").await;
    browser.sees("#result", "approved by").await;
    browser.sees("#steps", "The key 1 is pressed").await;
    browser.close(&["401 (Unauthorized)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idlayr_knows_the_phone_silently() {
    check_silently("IDlayr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_gateway_knows_the_phone_silently() {
    check_silently("Open Gateway").await;
}

/// Transfers whose phone opens the operator's page: over Wi-Fi, with another SIM, and as it should be.
async fn check_silently(vendor: &str) {
    let demo = Demo::start();
    let browser = Browser::open().await;
    let way = format!("Silently, by {vendor}");
    browser.go(&demo.url).await;
    browser.look("demo").await;

    start(&browser, &way).await;
    browser.click(".browse [role=switch]").await;
    browser.click(".browse .filled").await;
    browser.sees("#step-error", "The operator did not confirm the number of this phone").await;
    browser.sees(".said", "Back at the bank").await;
    browser.look(&format!("demo-{}-wifi", vendor.to_lowercase().replace(' ', "-"))).await;
    browser.click("#next").await;
    browser.sees(".notice.messages", "").await;
    browser.click("#check-form [data-cancel]").await;

    start(&browser, &way).await;
    browser.click(".browse [role=switch]").await;
    browser.choose(".browse select", "Budi, Indonesia").await;
    browser.click(".browse .filled").await;
    browser.sees("#steps", "with another SIM").await;
    browser.sees("#step-error", "not").await;
    browser.click("#check-form [data-cancel]").await;

    start(&browser, &way).await;
    browser.choose(".browse select", "Its own").await;
    browser.click(".browse .filled").await;
    browser.sees("#result", "approved by").await;
    browser.close(&["401 (Unauthorized)"]).await;
}

/// Asks the bank for a transfer, and gets as far as the phone.
async fn start(browser: &Browser, way: &str) {
    browser.choose("#way", way).await;
    browser.click("#transfer .primary").await;
    browser.click("#phone-form .primary").await;
    browser.sees("#check-form", "left").await;
}

/// The example, as `cargo run --example demo` starts it.
struct Demo {
    child: Child,
    url: String,
}

impl Demo {
    fn start() -> Self {
        let folder = env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
        let mut command = Command::new(folder.join("demo"));
        command.args(["--port", "0"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("build it first: cargo build --all-features --example demo");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.trim().starts_with("http://").then(|| line.trim().to_owned()));
        // It would wait for whoever reads its log.
        thread::spawn(move || lines.for_each(drop));
        Self { child, url: url.expect("the demo does not say where it is") }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
