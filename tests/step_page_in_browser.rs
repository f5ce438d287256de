//! The hosted step page as people see it: in headless Chromium, with its script and without. `tests/step_page.rs` has the rest of what it
//! does, without a browser.
#![cfg(all(feature = "ui", feature = "sandbox", feature = "testing", feature = "client", feature = "open-gateway"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[expect(dead_code, reason = "`tests/browser.rs` uses the rest")]
#[path = "browser/harness.rs"]
mod harness;
#[expect(dead_code, reason = "`tests/step_page.rs` uses all of it")]
#[path = "step_page/site.rs"]
mod site;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "common/stage.rs"]
mod stage;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "common/vendors.rs"]
mod vendors;

use std::time::Duration;

use handset::sandbox::{Handset, Over};
use harness::Browser;
use site::{STEP, Site};
use stage::PHONE;
use vendors::{EMAIL, last_code};

/// Longer than any page of this file needs on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(40);

const TEXTS: &str = "[\"code_book/sms\", \"code_book/voice_code\"]";

/// Somebody in front of the application, who has opened what is guarded.
struct Person {
    site: Site,
    browser: Browser,
}

impl Person {
    async fn new(routes: &str) -> Self {
        let (site, browser) = (Site::new(routes).await, Browser::open().await);
        let person = Self { site, browser };
        person.open("/account").await;
        person
    }

    async fn open(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.site.url)).await;
    }

    /// Says the number, and has the first message sent.
    async fn begin(&self) {
        self.browser.fill("#phone", PHONE).await;
        self.browser.click(START).await;
    }

    async fn answer(&self, code: &str) {
        self.browser.fill("#code", code).await;
        self.browser.click("button[value=answer]").await;
    }

    /// Is where they wanted to go, by this channel.
    async fn enters(self, channel: &str) {
        self.browser.sees("body", &format!("\"channel\":\"{channel}\"")).await;
        assert_eq!(self.browser.value::<String>("location.pathname + location.search").await, "/account");
        // What is guarded is JSON here, and has no icon.
        self.browser.close(&["/favicon.ico"]).await;
    }

    /// Answers the call, and presses the key.
    async fn press(&self) {
        let phone = self.phone();
        phone.wait_for_event().await;
        assert!(phone.press("1").unwrap());
    }

    /// Opens the link on the phone, which brings the browser back.
    async fn comes_back(&self) {
        let url: String = self.browser.value("document.querySelector('a.go').href").await;
        let opened = self.phone().open(&url, Over::MobileData).await.unwrap();
        // The stage of these tests listens elsewhere than the application that has the page.
        self.browser.go(&opened.final_url.replace(&self.site.stage.url, &self.site.url)).await;
    }

    /// Where the application takes an address for a phone.
    async fn by_email() -> Self {
        Self::new("[\"zadarma/email\"]").await
    }

    async fn begin_by_email(&self) {
        self.browser.fill("#email", EMAIL).await;
        self.begin().await;
        self.browser.sees("main", "a***@example.com").await;
    }

    /// The proof of an address is no proof of a phone, so the account sends the browser to the page again.
    async fn opens_the_email(&self) {
        self.answer(&last_code(&self.site.stage.sandbox.handset(EMAIL))).await;
        self.browser.sees("#email", "").await;
    }

    fn phone(&self) -> Handset {
        self.site.stage.sandbox.handset(PHONE)
    }
}

const START: &str = "button[value=start]:not(.quiet)";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_a_message_opens_the_account() {
    let ada = Person::new("[\"zadarma/sms\"]").await;
    ada.browser.sees("h1", "").await;
    ada.browser.look("step-begin").await;
    ada.begin().await;
    ada.browser.sees("main", "+371******56").await;
    assert!(ada.browser.value::<bool>("document.activeElement.id === 'code'").await, "one can type at once");
    ada.browser.look("step-code").await;
    ada.browser.picture_for_docs("step-page.webp", "main").await;
    let code = last_code(&ada.phone());
    ada.answer(&code).await;
    ada.enters("sms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_callers_number_is_shown_in_a_picture() {
    let ada = Person::new("[\"numcheck/flash_call\"]").await;
    ada.begin().await;
    ada.browser.sees("svg", "").await;
    ada.browser.look("step-caller").await;
    let code = last_code(&ada.phone());
    ada.answer(&code).await;
    ada.enters("flash_call").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_reads_a_code_out_opens_the_account() {
    let ada = Person::new("[\"zadarma/voice_code\"]").await;
    ada.begin().await;
    ada.browser.sees("label[for=code]", "call").await;
    ada.browser.look("step-voice").await;
    let code = last_code(&ada.phone());
    ada.answer(&code).await;
    ada.enters("voice_code").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_goes_on_by_itself_when_a_key_was_pressed() {
    let ada = Person::new("[\"zadarma/key_press\"]").await;
    ada.begin().await;
    ada.browser.sees("kbd", "1").await;
    ada.browser.look("step-keys").await;
    ada.press().await;
    ada.enters("key_press").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_back_from_the_operator_opens_the_account() {
    let ada = Person::new("[\"open_gateway/silent_network\", \"code_book/sms\"]").await;
    ada.begin().await;
    ada.browser.sees("a.go", "").await;
    ada.browser.look("step-link").await;
    ada.comes_back().await;
    ada.enters("silent_network").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_comes_by_e_mail_where_the_person_says_an_address() {
    let ada = Person::by_email().await;
    ada.browser.sees("#email-hint", "You may leave it out.").await;
    ada.browser.look("step-begin-email").await;
    ada.open(&format!("{STEP}&channel=email")).await;
    ada.begin_by_email().await;
    ada.browser.look("step-email").await;
    // What the person does: looks at the phone, and comes back.
    let step: String = ada.browser.value("location.href").await;
    let phone = format!("{}?number={},{EMAIL}", ada.site.stage.sandbox.phones_url(), PHONE.replace('+', "%2B"));
    ada.browser.go(&phone).await;
    ada.browser.click(".tab.mail").await;
    ada.browser.sees(".list.mail", &last_code(&ada.site.stage.sandbox.handset(EMAIL))).await;
    ada.browser.go(&step).await;
    ada.opens_the_email().await;
    ada.browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_sent_again_when_it_is_due() {
    let ada = Person::new(TEXTS).await;
    ada.begin().await;
    ada.browser.sees("[data-seconds]", "(0:").await;
    ada.site.stage.clock.advance(Duration::from_secs(30));
    ada.browser.go(&ada.browser.value::<String>("location.href").await).await;
    ada.browser.lacks("[data-seconds]").await;
    ada.browser.click("button.quiet[value=start]").await;
    ada.browser.sees("#notice", "It is on its way once more.").await;
    assert_eq!(ada.site.sent(), 2);
    ada.answer(&ada.site.stage.code()).await;
    ada.enters("sms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_refuses_is_said() {
    let ada = Person::new(TEXTS).await;
    ada.browser.fill("#phone", "+4915112345678").await;
    ada.browser.click(START).await;
    ada.browser.sees("#notice", "This is not possible with this phone.").await;
    ada.browser.look("step-denied").await;
    assert_eq!(ada.site.sent(), 0);
    ada.browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_written_as_in_its_country() {
    let ada = Person::new(TEXTS).await;
    let chosen = "document.querySelector('#region').selectedOptions[0].textContent";
    ada.browser.choose("#region", "Latvia (\u{2066}+371\u{2069})").await;
    assert!(ada.browser.value::<String>(chosen).await.starts_with("Latvia"));
    ada.browser.fill("#phone", "26123456\u{e004}").await;
    ada.browser.holds("document.getElementById('phone').value === '26 123 456'").await;
    ada.browser.click(START).await;
    ada.browser.sees("main", "+371******56").await;
    ada.answer(&ada.site.stage.code()).await;
    ada.enters("sms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_is_said_and_the_next_way_taken() {
    let ada = Person::new(TEXTS).await;
    ada.begin().await;
    ada.answer(&ada.site.stage.wrong_code()).await;
    ada.browser.sees("#notice", "That code is not right.").await;
    ada.browser.sees("#left", "4 attempts are left.").await;
    ada.browser.look("step-wrong").await;
    assert!(ada.browser.value::<bool>("document.querySelector('[data-seconds]').disabled").await, "not yet due");
    ada.browser.sees("[data-seconds]", "(0:").await;
    ada.site.stage.clock.advance(Duration::from_secs(2));
    ada.browser.click("button[value=next]").await;
    ada.browser.sees("#notice", "We call you now and read a code out.").await;
    ada.answer(&ada.site.stage.code()).await;
    ada.enters("voice_code").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confirmed_stands_on_the_page() {
    let ada = Person::new(TEXTS).await;
    ada.open(&format!("{STEP}&binding=120.00 EUR to Ada Lovelace, for the analytical engine")).await;
    ada.begin().await;
    ada.browser.sees("dl", "What you confirm 120.00 EUR to Ada Lovelace").await;
    ada.browser.look("step-transaction").await;
    ada.browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_is_one_message_and_a_text_that_is_pasted_is_its_code() {
    let ada = Person::new(TEXTS).await;
    ada.browser.fill("#phone", PHONE).await;
    let clicks =
        format!("(() => {{ const it = document.querySelector('{START}'); it.click(); it.click(); return true; }})()");
    assert!(ada.browser.value::<bool>(&clicks).await);
    ada.browser.sees("label[for=code]", "").await;
    assert_eq!(ada.site.sent(), 1);
    let code = ada.site.stage.code();
    let (one, other) = code.split_at(3);
    let paste = format!(
        "(() => {{ const data = new DataTransfer(); data.setData('text', 'Your code: {one} {other}. Tell nobody.');\
         document.getElementById('code').dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data }}));\
         return document.getElementById('code').value; }})()"
    );
    assert_eq!(ada.browser.value::<String>(&paste).await, code);
    ada.browser.click("button[value=answer]").await;
    ada.enters("sms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_over_says_so_and_begins_again() {
    let ada = Person::new(TEXTS).await;
    ada.begin().await;
    ada.browser.sees("label[for=code]", "").await;
    let code = ada.site.stage.code();
    ada.site.stage.clock.advance(Duration::from_secs(301));
    ada.answer(&code).await;
    ada.browser.sees("h1", "This step is over").await;
    ada.browser.look("step-over").await;
    ada.browser.click(START).await;
    ada.browser.sees("label[for=code]", "").await;
    ada.answer(&ada.site.stage.code()).await;
    ada.enters("sms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_off_is_over_and_back_is_where_one_was() {
    let ada = Person::new(TEXTS).await;
    ada.begin().await;
    ada.browser.sees("label[for=code]", "").await;
    ada.browser.click("button[value=cancel]").await;
    ada.browser.lacks("#code").await;
    ada.browser.look("step-cancelled").await;
    ada.browser.click(START).await;
    ada.browser.sees("label[for=code]", "").await;
    ada.answer(&ada.site.stage.code()).await;
    ada.browser.sees("body", "\"channel\":\"sms\"").await;
    // The page of a step that is done leads on again, and sends nothing.
    let sent = ada.site.sent();
    ada.browser.value::<()>("history.back()").await;
    ada.enters("sms").await;
    assert_eq!(sent, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_of_one_step_are_one_check() {
    let ada = Person::new(TEXTS).await;
    let page: String = ada.browser.value("location.href").await;
    ada.begin().await;
    ada.browser.sees("label[for=code]", "").await;
    let first: String = ada.browser.value("location.href").await;
    // The other tab was opened before, and its button is pressed now.
    ada.browser.go(&page).await;
    ada.begin().await;
    ada.browser.sees("label[for=code]", "").await;
    assert_eq!(ada.site.sent(), 1);
    ada.answer(&ada.site.stage.code()).await;
    ada.browser.sees("body", "\"channel\":\"sms\"").await;
    ada.browser.go(&first).await;
    ada.enters("sms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn languages_read_from_either_side() {
    let ada = Person::new(TEXTS).await;
    for (locale, direction) in [("de", "ltr"), ("ar", "rtl")] {
        ada.open(&format!("{STEP}&locale={locale}")).await;
        ada.browser.sees("h1", "").await;
        let found: (String, String) =
            ada.browser.value("[document.documentElement.lang, document.documentElement.dir]").await;
        assert_eq!((found.0.as_str(), found.1.as_str()), (locale, direction));
        ada.begin().await;
        ada.browser.sees("#code", "").await;
        ada.browser.look(&format!("step-code-{locale}")).await;
        ada.site.stage.clock.advance(Duration::from_secs(301));
    }
    ada.browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_without_its_script() {
    for route in [
        "zadarma/sms",
        "zadarma/voice_code",
        "numcheck/flash_call",
        "citcall/flash_call",
        "zadarma/key_press",
        "open_gateway/silent_network",
        "idlayr/silent_network",
    ] {
        let ada = Person::new(&format!("[\"{route}\"]")).await;
        ada.browser.without_scripts().await;
        ada.open("/account").await;
        ada.begin().await;
        ada.browser.sees("main", "+371******56").await;
        let channel = route.split_once('/').unwrap().1;
        match channel {
            "key_press" => ada.press().await,
            "silent_network" => ada.comes_back().await,
            _ => ada.answer(&last_code(&ada.phone())).await,
        }
        tokio::time::timeout(PATIENCE, ada.enters(channel)).await.unwrap();
    }
    let ada = Person::by_email().await;
    ada.browser.without_scripts().await;
    ada.open(&format!("{STEP}&channel=email")).await;
    ada.begin_by_email().await;
    ada.opens_the_email().await;
    ada.browser.close(&["/favicon.ico"]).await;
}
