//! What the buttons do, also when they are pressed too often, too early or too late.

use std::time::Duration;

use crate::{PHONE, STEP, Site};

const TEXTS: &str = "[\"code_book/sms\", \"code_book/voice_code\"]";

#[tokio::test]
async fn looking_sends_nothing_and_three_clicks_send_one_message() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    for _ in 0..3 {
        browser.open(STEP).await.page();
    }
    let page = browser.open(STEP).await.page();
    assert_eq!(site.sent(), 0);
    for _ in 0..3 {
        browser.press(&page, "start", &[("phone", PHONE)]).await.page();
    }
    assert_eq!(site.sent(), 1);
}

#[tokio::test]
async fn a_wrong_code_costs_an_attempt_and_what_is_no_code_costs_none() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    page.says("5 attempts are left.");
    let page = browser.press(&page, "answer", &[("code", &site.stage.wrong_code())]).await.page();
    page.says("That code is not right.");
    page.says("4 attempts are left.");
    page.says("aria-invalid=\"true\" aria-describedby=\"notice left\"");
    let page = browser.press(&page, "answer", &[("code", "letters")]).await.page();
    page.says("A code has digits only.");
    page.says("4 attempts are left.");
    let mut page = page;
    for _ in 0..4 {
        page = browser.press(&page, "answer", &[("code", &site.stage.wrong_code())]).await.page();
    }
    page.says("This step is over");
    assert!(!browser.cookies.contains_key("__Host-handset-proof"));
    browser.press(&page, "start", &[]).await.page().says("The 6 digits");
}

#[tokio::test]
async fn the_next_way_is_named_before_and_after() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    page.says("Call me and read a code out");
    site.stage.clock.advance(Duration::from_secs(2));
    let page = browser.press(&page, "next", &[]).await.page();
    page.says("We call you now and read a code out.");
    page.says("digits that the call reads out");
    assert!(!page.text.contains("value=\"next\""), "there is no further way");
    site.stage.clock.advance(Duration::from_secs(2));
    browser.press(&page, "next", &[]).await.page().says("There is no other way to reach you.");
    browser.press(&page, "answer", &[("code", &site.stage.code())]).await.back();
}

#[tokio::test]
async fn a_message_is_sent_again_when_it_is_due() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    page.says("data-seconds=\"30\"");
    page.says("You can ask again in 30 seconds.");
    browser.press(&page, "start", &[]).await.page().says("The last one is still on its way.");
    assert_eq!(site.sent(), 1);
    site.stage.clock.advance(Duration::from_secs(30));
    let page = browser.press(&page, "start", &[]).await.page();
    page.says("It is on its way once more.");
    assert_eq!(site.sent(), 2);
}

#[tokio::test]
async fn a_number_that_is_none_or_is_refused_is_said_and_another_one_taken() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.open(&format!("{STEP}&locale=de-AT")).await.page();
    page.says("value=\"AT\" selected");
    page.says("placeholder=\"0664 123456\"");
    for typed in ["26123456", "hello", "+1"] {
        browser
            .press(&page, "start", &[("phone", typed), ("region", "")])
            .await
            .page()
            .says("Das ist keine Telefonnummer");
    }
    let refused = browser.press(&page, "start", &[("phone", "+4915112345678")]).await.page();
    refused.says("Mit diesem Telefon geht das nicht.");
    let page = browser.press(&page, "start", &[("phone", PHONE)]).await.page();
    page.says("Eine andere Nummer nehmen");
    let page = browser.press(&page, "change", &[]).await.page();
    page.says("name=\"phone\"");
    let page = browser.press(&page, "start", &[("phone", "29999999"), ("region", "LV")]).await.page();
    page.says("+371******99");
}

#[tokio::test]
async fn calling_it_off_ends_the_check_and_leads_where_the_application_says() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    let code = site.stage.code();
    let off = browser.press(&page, "cancel", &[]).await.page();
    off.says("You called it off");
    browser.press(&page, "answer", &[("code", &code)]).await.page().says("This step is over");
    let page = browser.open(&format!("{STEP}&cancel_to=/home")).await.page();
    assert_eq!(browser.press(&page, "cancel", &[]).await.back(), "/home");
    assert!(!browser.cookies.contains_key("__Host-handset-proof"));
}

#[tokio::test]
async fn a_check_that_ran_out_is_over_and_so_is_a_page_in_the_end() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    let code = site.stage.code();
    site.stage.clock.advance(Duration::from_secs(301));
    let over = browser.press(&page, "answer", &[("code", &code)]).await.page();
    over.says("This step is over");
    let page = browser.press(&over, "start", &[]).await.page();
    browser.press(&page, "answer", &[("code", &site.stage.code())]).await.back();
    site.stage.clock.advance(Duration::from_secs(601));
    browser.press(&page, "start", &[]).await.dead_end();
}

#[tokio::test]
async fn two_clicks_on_confirm_come_back_with_the_proof() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    let code = site.stage.code();
    // The browser gives up on what the first click got, and follows the second.
    browser.clone().post(&page, "answer", &[("code", &code)]).await;
    let back = browser.press(&page, "answer", &[("code", &code)]).await;
    assert_eq!(back.back(), "/account");
    assert_eq!(browser.get("/account").await.status, 200);
}

#[tokio::test]
async fn two_tabs_of_one_step_end_at_the_same_place() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let page = browser.begun().await;
    let other_tab = browser.open(&format!("/handset/step?ticket={}", page.hidden("ticket"))).await.page();
    browser.press(&page, "answer", &[("code", &site.stage.code())]).await.back();
    let late = browser.press(&other_tab, "answer", &[("code", &site.stage.code())]).await;
    assert_eq!(late.back(), "/account");
    assert_eq!(browser.get("/account").await.status, 200, "the proof of the first tab is the browser's");
}

#[tokio::test]
async fn two_tabs_of_two_transactions_have_a_check_each() {
    let site = Site::new(TEXTS).await;
    let mut browser = site.browser();
    let one = browser.open(&format!("{STEP}&binding=1")).await.page();
    let two = browser.open(&format!("{STEP}&binding=2")).await.page();
    let one = browser.press(&one, "start", &[("phone", PHONE)]).await.page();
    let code = site.stage.code();
    browser.press(&two, "start", &[("phone", PHONE)]).await.page();
    assert_eq!(site.sent(), 2);
    browser.press(&one, "answer", &[("code", &code)]).await.back();
}
