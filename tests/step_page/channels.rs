//! Every way in which the page can reach a phone, to its end.

use handset::sandbox::Over;

use crate::{
    Browser, PHONE, Reply, STEP, Site,
    vendors::{EMAIL, OTHER, last_code},
};

/// Who has come back opens the account.
async fn enters(mut browser: Browser, back: &Reply, channel: &str) {
    assert_eq!(back.back(), "/account");
    let cookie = back.headers.get_all("set-cookie").iter().next().expect("a proof").to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-handset-proof="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    let account = browser.get("/account").await;
    assert_eq!(account.status, 200, "{account:?}");
    let seen = account.json();
    assert_eq!((&seen["channel"], &seen["phone"]), (&channel.into(), &PHONE.into()));
    let cookies = seen["cookies"].as_str().unwrap();
    assert!(cookies.contains("__Host-handset=") && !cookies.contains("proof"), "the token stays outside: {cookies}");
}

#[tokio::test]
async fn a_code_that_is_typed_opens_the_account() {
    for (route, says, channel) in [
        ("zadarma/sms", "digits of the text message", "sms"),
        ("zadarma/voice_code", "digits that the call reads out", "voice_code"),
        ("numcheck/flash_call", "The last 4 digits of the number that calls you", "flash_call"),
        ("citcall/flash_call", "digits of the number that calls you", "flash_call"),
        ("code_book/sms", "The 6 digits of the text message", "sms"),
    ] {
        let site = Site::new(&format!("[\"{route}\"]")).await;
        let mut browser = site.browser();
        let page = browser.open("/account").await.page();
        page.says("Example Bank wants to make sure");
        let page = browser.press(&page, "start", &[("region", "LV"), ("phone", "26 123 456")]).await.page();
        page.says(says);
        page.says("+371******56");
        assert_eq!(page.text.contains("<svg"), channel == "flash_call", "{route}");
        assert!(!page.text.contains("http-equiv=\"refresh\""), "who types is not disturbed: {route}");
        let code = match route {
            "code_book/sms" => site.stage.code(),
            _ => last_code(&site.stage.sandbox.handset(PHONE)),
        };
        let back = browser.press(&page, "answer", &[("code", &code)]).await;
        enters(browser, &back, channel).await;
    }
}

#[tokio::test]
async fn the_keys_are_shown_and_pressed_on_the_call() {
    let site = Site::new("[\"zadarma/key_press\"]").await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    page.says("Answer, and press these keys:");
    let digits: String = page.text.split("<kbd>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    let (changes, here) = (page.between("data-changes=\""), page.between("content=\"3;url="));
    let mut other = browser.clone();
    let changed = tokio::spawn(async move { other.get(&changes).await.status });
    let phone = site.stage.sandbox.handset(PHONE);
    phone.wait_for_event().await;
    assert!(phone.press(&digits).unwrap());
    assert_eq!(changed.await.unwrap(), 200, "the script is told");
    let back = browser.open(&here).await;
    enters(browser, &back, "key_press").await;
}

#[tokio::test]
async fn a_link_that_is_opened_on_the_phone_leads_back() {
    for route in ["open_gateway", "idlayr"] {
        let site = Site::new(&format!("[\"{route}/silent_network\", \"code_book/sms\"]")).await;
        let mut browser = site.browser();
        let page = browser.begun().await;
        page.says("over mobile data and not over Wi-Fi");
        assert!(!page.text.contains("_blank"), "it comes back, so one page is enough");
        let opened = site.stage.sandbox.handset(PHONE).open(&page.between("href=\""), Over::MobileData).await.unwrap();
        let back = browser.open(&opened.final_url).await;
        enters(browser, &back, "silent_network").await;
    }
}

#[tokio::test]
async fn a_link_that_another_phone_opened_is_told_and_another_way_taken() {
    let site = Site::new("[\"open_gateway/silent_network\", \"code_book/sms\"]").await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    let url = page.between("href=\"");
    let opened = site.stage.sandbox.handset(OTHER).open(&url, Over::MobileData).await.unwrap();
    let page = browser.open(&opened.final_url).await.page();
    page.says("has not confirmed this number");
    page.says("Send me a text message");
    let page = browser.press(&page, "next", &[]).await.page();
    page.says("We have sent you a text message.");
    let back = browser.press(&page, "answer", &[("code", &site.stage.code())]).await;
    enters(browser, &back, "sms").await;
}

#[tokio::test]
async fn a_code_by_e_mail_goes_to_the_address_that_the_person_says() {
    let site = Site::new("[\"code_book/sms\", \"zadarma/email\"]").await;
    let mut browser = site.browser();
    let page = browser.open(STEP).await.page();
    page.says("You may leave it out.");
    for address in ["ada", "a da@example.org"] {
        let page = browser.press(&page, "start", &[("phone", PHONE), ("email", address)]).await.page();
        page.says("That is no e-mail address.");
        page.says("aria-describedby=\"notice email-hint\"");
    }
    assert_eq!(site.sent(), 0, "nothing is sent before both are good");
    let page = browser.press(&page, "start", &[("phone", PHONE), ("email", EMAIL)]).await.page();
    assert!(!page.text.contains("a***@"), "it is no e-mail that is out");
    page.says("Send me an e-mail");
    let page = browser.press(&page, "next", &[]).await.page();
    page.says("The 6 digits of the e-mail");
    page.says("a***@example.com");
    assert!(!page.text.contains(EMAIL));
    let code = last_code(&site.stage.sandbox.handset(EMAIL));
    let back = browser.press(&page, "answer", &[("code", &code)]).await;
    assert_eq!(back.back(), "/account");
    assert_eq!(browser.get("/account").await.status, 303, "an address is no phone, which the account wants");
}

#[tokio::test]
async fn an_e_mail_is_offered_where_there_is_an_address() {
    let site = Site::new("[\"code_book/sms\", \"zadarma/email\", \"code_book/voice_code\"]").await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    page.says("Call me and read a code out");
    let page = browser.press(&page, "next", &[]).await.page();
    page.says("We call you now and read a code out.");

    // The one that the application knows goes before what is typed.
    let site = Site::new("[\"zadarma/email\"]").await;
    let mut browser = site.browser().with("x-email", EMAIL);
    let page = browser.open(STEP).await.page();
    assert!(!page.text.contains("name=\"email\""), "nobody is asked for an address that is known");
    let page = browser.press(&page, "start", &[("phone", PHONE), ("email", "bob@example.com")]).await.page();
    page.says("a***@example.com");
    let code = last_code(&site.stage.sandbox.handset(EMAIL));
    assert_eq!(browser.press(&page, "answer", &[("code", &code)]).await.back(), "/account");
}

#[tokio::test]
async fn whoever_asks_for_an_e_mail_says_where_to() {
    let site = Site::new("[\"code_book/sms\", \"zadarma/email\"]").await;
    let mut browser = site.browser();
    let page = browser.open(&format!("{STEP}&channel=email")).await.page();
    assert!(!page.text.contains("You may leave it out."));
    let page = browser.press(&page, "start", &[("phone", PHONE)]).await.page();
    page.says("That is no e-mail address.");
    let page = browser.press(&page, "start", &[("phone", PHONE), ("email", EMAIL)]).await.page();
    page.says("The 6 digits of the e-mail");
    let before = last_code(&site.stage.sandbox.handset(EMAIL));
    site.stage.clock.advance(std::time::Duration::from_secs(301));
    // Once said it is known, as the number is.
    let page = browser.press(&page, "start", &[]).await.page();
    page.says("a***@example.com");
    let code = last_code(&site.stage.sandbox.handset(EMAIL));
    assert_ne!(before, code);
    assert_eq!(browser.press(&page, "answer", &[("code", &code)]).await.back(), "/account");
}

#[tokio::test]
async fn who_is_signed_in_gets_a_proof_of_their_own() {
    let site = Site::new("[\"code_book/sms\"]").await;
    let ada =
        |browser: Browser| browser.with("x-user", "ada").with("x-phone", PHONE).with("x-binding", "10 EUR to <Bob>");
    let mut browser = ada(site.browser());
    let page = browser.open("/account").await.page();
    page.says("10 EUR to &lt;Bob&gt;");
    page.says("+371******56");
    assert!(!page.text.contains("name=\"phone\""), "an account that has a number is not asked for one");
    let page = browser.press(&page, "start", &[("phone", OTHER)]).await.page();
    assert_eq!(site.stage.book.messages()[0].phone.to_e164(), PHONE, "what is typed all the same counts for nothing");
    browser.press(&page, "answer", &[("code", &site.stage.code())]).await.back();
    let seen = browser.get("/account").await.json();
    assert_eq!((&seen["subject"], &seen["binding"]), (&"ada".into(), &"10 EUR to <Bob>".into()));
    let mut bob = browser.clone().with("x-user", "bob");
    assert_eq!(bob.get("/account").await.status, 303, "another one's proof is none");
    let mut more = browser.with("x-binding", "1000 EUR to Bob");
    assert_eq!(more.get("/account").await.status, 303, "nor is that of another transaction");
}

#[tokio::test]
async fn who_is_signed_in_comes_back_from_the_operator_in_the_same_browser() {
    let site = Site::new("[\"open_gateway/silent_network\"]").await;
    let mut browser = site.browser().with("x-user", "ada").with("x-phone", PHONE);
    let page = browser.open(STEP).await.page();
    let page = browser.press(&page, "start", &[]).await.page();
    let opened = site.stage.sandbox.handset(PHONE).open(&page.between("href=\""), Over::MobileData).await.unwrap();
    let back = browser.open(&opened.final_url).await;
    enters(browser, &back, "silent_network").await;
}

#[tokio::test]
async fn the_page_of_one_account_belongs_to_one_browser() {
    let site = Site::new("[\"open_gateway/silent_network\", \"code_book/sms\"]").await;
    let ada = |browser: Browser| browser.with("x-user", "ada").with("x-phone", PHONE);
    let (mut own, mut thief) = (ada(site.browser()), ada(site.browser()));
    let page = thief.open(STEP).await.page();
    let page = thief.press(&page, "start", &[]).await.page();
    // The phone of the account follows the link of somebody who is signed in to it as well.
    let opened = site.stage.sandbox.handset(PHONE).open(&page.between("href=\""), Over::MobileData).await.unwrap();
    own.open(STEP).await.page();
    assert_eq!(own.get(&opened.final_url).await.status, 410, "another browser brings no answer back");
    own.get(&page.between("content=\"3;url=")).await.dead_end();
}
