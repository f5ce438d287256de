//! What other sites and other browsers cannot do.

use reqwest::Method;

use crate::{Browser, PHONE, STEP, Site};

const TEXTS: &str = "[\"code_book/sms\"]";

#[tokio::test]
async fn f1_the_page_of_one_browser_does_nothing_in_another() {
    let site = Site::new(TEXTS).await;
    let (mut ada, mut eve) = (site.browser(), site.browser());
    let page = ada.begun().await;
    eve.open(STEP).await.page();
    let here = format!("/handset/step?ticket={}", page.hidden("ticket"));
    for browser in [&mut eve, &mut site.browser()] {
        for button in ["start", "answer", "next", "cancel"] {
            browser.press(&page, button, &[("code", &site.stage.code())]).await.dead_end();
        }
        browser.open(&here).await.dead_end();
        browser.open(&here.replace("/step?", "/step/changes?")).await.dead_end();
    }
    ada.open(&here).await.page().says("The 6 digits");
}

#[tokio::test]
async fn a_form_that_is_not_from_the_page_does_nothing() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let (page, other) = (browser.open(STEP).await.page(), browser.open(STEP).await.page());
    let (ticket, csrf) = (page.hidden("ticket"), page.hidden("csrf"));
    assert_ne!(csrf, other.hidden("csrf"));
    let phone = ("phone", PHONE);
    for form in [
        vec![("do", "start"), phone, ("ticket", &ticket)],
        vec![("do", "start"), phone, ("ticket", &ticket), ("csrf", "")],
        vec![("do", "start"), phone, ("ticket", &ticket), ("csrf", &other.hidden("csrf"))],
        vec![("do", "start"), phone, ("ticket", "x"), ("csrf", &csrf)],
        vec![("do", "start"), phone, ("ticket", &ticket), ("ticket", &ticket), ("csrf", &csrf)],
        vec![("do", "dance"), phone, ("ticket", &ticket), ("csrf", &csrf)],
    ] {
        browser.submit(&form).await.dead_end();
    }
    let query = format!("/handset/step?do=start&phone=%2B37126123456&ticket={ticket}&csrf={csrf}");
    browser.open(&query).await.page();
    assert_eq!(site.sent(), 0);
}

#[tokio::test]
async fn who_comes_for_a_foreign_address_goes_nowhere() {
    let site = Site::new(TEXTS).await;
    for query in [
        "action=account",
        "return_to=/account",
        "action=account&return_to=",
        "action=account&return_to=account",
        "action=account&return_to=//evil.example/",
        "action=account&return_to=https://evil.example/",
        "action=account&return_to=/%5Cevil.example/",
        "action=account&return_to=/%09/evil.example/",
        "action=account&return_to=/%0D%0ASet-Cookie:%20a=b",
        "action=account&return_to=/account&cancel_to=//evil.example/",
        "action=account&return_to=/account&return_to=/other",
        "action=two words&return_to=/account",
        "action=account&return_to=/account&channel=pigeon",
    ] {
        site.browser().open(&format!("/handset/step?{query}")).await.dead_end();
    }
    let mut ada = site.browser().with("x-user", "ada").with("x-binding", "10 EUR to Bob");
    ada.open(&format!("{STEP}&binding=1000+EUR+to+Eve")).await.dead_end();
}

#[tokio::test]
async fn an_origin_that_the_application_names_is_gone_back_to() {
    let pages = handset::step_page::StepPages::builder().return_origin("https://app.example.com").build().unwrap();
    let site = Site::with(TEXTS, pages).await;
    let mut browser = site.browser();
    let page = browser.open("/handset/step?action=account&return_to=https://app.example.com/done").await.page();
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' https://app.example.com;"), "{policy}");
    let page = browser.press(&page, "start", &[("phone", PHONE)]).await.page();
    let back = browser.press(&page, "answer", &[("code", &site.stage.code())]).await;
    assert_eq!(back.back(), "https://app.example.com/done");
}

async fn post(browser: &mut Browser, headers: &[(&str, &str)]) -> u16 {
    let more = |request: reqwest::RequestBuilder| {
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    browser.send(Method::POST, "/account", more).await.status
}

#[tokio::test]
async fn a_proof_among_the_cookies_counts_where_no_other_site_can_have_it_sent() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    browser.press(&page, "answer", &[("code", &site.stage.code())]).await.back();
    assert_eq!(post(&mut browser, &[("sec-fetch-site", "same-origin")]).await, 200);
    assert_eq!(post(&mut browser, &[("origin", &site.url)]).await, 200);
    for headers in [
        vec![],
        vec![("sec-fetch-site", "same-site"), ("origin", site.url.as_str())],
        vec![("sec-fetch-site", "cross-site")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
    ] {
        assert_eq!(post(&mut browser, &headers).await, 401, "{headers:?}");
    }
    let proof = browser.cookies.remove("__Host-handset-proof").unwrap();
    assert_eq!(post(&mut browser, &[("handset-proof", &proof)]).await, 200, "a header is sent by nobody else");
    assert_eq!(post(&mut browser, &[("sec-fetch-site", "same-origin")]).await, 401);
}
