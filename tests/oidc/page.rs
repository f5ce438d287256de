//! The page: what it shows, what it does, and for whom.

use std::time::Duration;

use crate::stage::{Browser, Page, Stage};

/// Other digits of the same length.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}

#[tokio::test]
async fn c1_looking_sends_nothing_and_two_clicks_send_one_message() {
    let stage = Stage::new().await;
    let browser = Browser::new();
    let url = stage.request("rp").url(&stage);
    for _ in 0..3 {
        browser.get(&url).await.page();
    }
    assert!(stage.book.messages().is_empty());
    let page = browser.get(&url).await.page();
    assert!(page.text.contains("Example Bank") && page.text.contains("+371******56"), "{}", page.text);
    assert!(!page.text.contains("26123456"), "{}", page.text);
    for _ in 0..3 {
        browser.click(&stage, &page, "start", &[]).await.page();
    }
    assert_eq!(stage.book.messages().len(), 1, "C1: one action of a person, one message");
}

#[tokio::test]
async fn a_wrong_code_may_be_mended_and_the_next_way_taken() {
    let stage = Stage::new().await;
    let browser = Browser::new();
    let page = browser.get(&stage.request("rp").url(&stage)).await.page();
    let page = browser.click(&stage, &page, "start", &[]).await.page();
    let code = stage.book.last_code().unwrap();
    let page = browser.click(&stage, &page, "answer", &[("code", &wrong(code.expose()))]).await.page();
    assert!(page.text.contains("not right"), "{}", page.text);
    let page = browser.click(&stage, &page, "answer", &[("code", "letters")]).await.page();
    assert!(page.text.contains("digits only"), "{}", page.text);
    stage.clock.advance(Duration::from_secs(2));
    let page = browser.click(&stage, &page, "next", &[]).await.page();
    assert_eq!(stage.book.messages().len(), 2);
    assert!(page.text.contains("the call reads out"), "{}", page.text);
    let code = stage.book.last_code().unwrap();
    let back = browser.click(&stage, &page, "answer", &[("code", code.expose())]).await.back();
    assert_eq!(stage.redeem("rp", back.code()).await.claims()["amr"][0], "tel");
}

#[tokio::test]
async fn calling_it_off_denies_access() {
    let stage = Stage::new().await;
    let browser = Browser::new();
    let page = browser.get(&stage.request("rp").url(&stage)).await.page();
    browser.click(&stage, &page, "cancel", &[]).await.back().error("access_denied");
    let page = browser.get(&stage.request("rp").url(&stage)).await.page();
    let page = browser.click(&stage, &page, "start", &[]).await.page();
    let back = browser.click(&stage, &page, "cancel", &[]).await.back();
    back.error("access_denied");
    assert_eq!((back.pairs["state"].as_str(), &back.pairs["iss"]), ("the state", &stage.issuer));
    let code = stage.book.last_code().unwrap();
    let page = browser.click(&stage, &page, "answer", &[("code", code.expose())]).await.page();
    assert!(page.text.contains("is over"), "{}", page.text);
}

#[tokio::test]
async fn f1_the_page_of_one_browser_does_nothing_in_another() {
    let stage = Stage::new().await;
    let (ada, eve) = (Browser::new(), Browser::new());
    let page = ada.get(&stage.request("rp").url(&stage)).await.page();
    let own = eve.get(&stage.request("rp").url(&stage)).await.page();
    for button in ["start", "answer", "cancel"] {
        eve.press(&stage, &page, button, &[]).await.dead_end();
        Browser::new().press(&stage, &page, button, &[]).await.dead_end();
    }
    let started = ada.press(&stage, &page, "start", &[]).await;
    let here = started.location.unwrap();
    eve.get(&here).await.dead_end();
    Browser::new().get(&here).await.dead_end();

    // A form that was not made for the page it claims to be from.
    let mixed = Page { ticket: page.ticket.clone(), csrf: own.csrf, text: String::new() };
    ada.press(&stage, &mixed, "cancel", &[]).await.dead_end();
    let bare = Page { ticket: page.ticket, csrf: String::new(), text: String::new() };
    ada.press(&stage, &bare, "cancel", &[]).await.dead_end();
    ada.get(&here).await.page();
}

#[tokio::test]
async fn the_code_of_one_request_is_wrong_for_another() {
    let stage = Stage::new().await;
    let browser = Browser::new();
    let url = stage.request("rp").url(&stage);
    let one = browser.get(&url).await.page();
    let one = browser.click(&stage, &one, "start", &[]).await.page();
    let code = stage.book.last_code().unwrap();
    let two = browser.get(&url).await.page();
    let two = browser.click(&stage, &two, "start", &[]).await.page();
    assert_eq!(stage.book.messages().len(), 2, "each request has its own check");
    let page = browser.click(&stage, &two, "answer", &[("code", code.expose())]).await;
    if code.expose() != stage.book.last_code().unwrap().expose() {
        assert!(page.page().text.contains("not right"));
    }
    browser.click(&stage, &one, "answer", &[("code", code.expose())]).await.back().code();
}

#[tokio::test]
async fn a_page_ends_and_a_finished_one_gives_no_second_code() {
    let stage = Stage::new().await;
    let browser = Browser::new();
    let page = browser.get(&stage.request("rp").url(&stage)).await.page();
    let page = browser.click(&stage, &page, "start", &[]).await.page();
    let code = stage.book.last_code().unwrap();
    browser.click(&stage, &page, "answer", &[("code", code.expose())]).await.back().code();
    let again = browser.click(&stage, &page, "answer", &[("code", code.expose())]).await.page();
    assert!(again.text.contains("is over"), "{}", again.text);

    let page = browser.get(&stage.request("rp").url(&stage)).await.page();
    stage.clock.advance(Duration::from_secs(16 * 60));
    browser.press(&stage, &page, "start", &[]).await.dead_end();
}
