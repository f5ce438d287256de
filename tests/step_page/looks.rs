//! What the page is: its headers, its language, and where it is not.

use handset::{Endpoints, step_page::StepPages};
use tower::ServiceExt;

use crate::{PHONE, STEP, Site};

const TEXTS: &str = "[\"code_book/sms\"]";

#[tokio::test]
async fn every_answer_keeps_to_itself() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let begin = browser.open(STEP).await.page();
    let sent = browser.post(&begin, "start", &[("phone", PHONE)]).await;
    let code = browser.open(sent.location.as_deref().unwrap()).await.page();
    let dead_end = browser.open("/handset/step").await;
    dead_end.dead_end();
    for page in [&begin, &code, &dead_end] {
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'nonce-"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "strict-origin"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(page.headers[name], value);
        }
        assert!(!page.text.contains("//") || page.text.contains("<script"), "nothing of another site: {}", page.text);
    }
    assert_eq!(sent.headers["cache-control"], "no-store");
    let location = sent.location.unwrap();
    for secret in [&site.stage.code(), "26123456", "account"] {
        assert!(!location.contains(secret), "{location}");
    }
    code.says("autocomplete=\"one-time-code\"");
    code.says("inputmode=\"numeric\"");
}

#[tokio::test]
async fn the_page_speaks_the_language_of_the_person_and_so_does_the_message() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser().with("accept-language", "fr-CH, fr;q=0.9, en;q=0.8");
    browser.open(STEP).await.page().says("<html lang=\"fr\" dir=\"ltr\">");
    let page = browser.open(&format!("{STEP}&locale=ar")).await.page();
    page.says("<html lang=\"ar\" dir=\"rtl\">");
    let page = browser.press(&page, "start", &[("phone", PHONE)]).await.page();
    page.says("<html lang=\"ar\" dir=\"rtl\">");
    browser.open("/handset/step").await.says("<html lang=\"fr\"");
}

#[tokio::test]
async fn an_application_has_its_own_words_and_colours() {
    let pages = StepPages::builder()
        .name("Bank & Söhne")
        .logo("/logo.svg")
        .variable("--accent", "#00695c")
        .language("en", "en.ftl", "button-start = Go on")
        .report_violations_to("/csp")
        .build()
        .unwrap();
    let site = Site::with(TEXTS, pages).await;
    let page = site.browser().open(STEP).await.page();
    page.says("<img src=\"/logo.svg\" alt=\"Bank &amp; Söhne\">");
    page.says(":root{--accent:#00695c;}");
    page.says("Go on");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("img-src 'self' data:;") && policy.ends_with("report-to csp; report-uri /csp"), "{policy}");
    assert_eq!(page.headers["reporting-endpoints"], "csp=\"/csp\"");
}

#[tokio::test]
async fn endpoints_without_pages_have_none_and_other_methods_do_nothing() {
    let site = Site::new(TEXTS).await;
    let request = http::Request::get(STEP).body(axum::body::Body::empty()).unwrap();
    let answer = Endpoints::new(&site.stage.verifier).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 404);
    let mut browser = site.browser();
    for (method, path, status) in [
        (reqwest::Method::DELETE, "/handset/step", 405),
        (reqwest::Method::POST, "/handset/step/changes", 405),
        (reqwest::Method::GET, "/handset/step/other", 404),
    ] {
        assert_eq!(browser.send(method, path, |request| request).await.status, status, "{path}");
    }
}
