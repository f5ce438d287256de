//! A silent check that is started on the page: the person's browser goes to the operator over mobile data and comes back.

use handset::{
    provider::{
        http::HttpClient,
        open_gateway::{ApiVersion, ClientAuth, Config, OpenGateway},
    },
    sandbox::{Knob, Over, OverWifi, Sandbox, Scope},
};
use serde_json::json;

use crate::stage::{Answer, Browser, OTHER_PHONE, PHONE, Page, Stage};

const POLICY: &str = r#"
version = 1
[[route]]
name = "silently first"
try = ["open_gateway/silent_network", "code_book/sms"]
"#;

struct Silent {
    stage: Stage,
    sandbox: Sandbox,
}

impl Silent {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let stage = Stage::with(POLICY, |builder, origin| {
            sandbox.open_gateway_redirect_uri(format!("{origin}/handset/redirect/open_gateway"));
            let (url, secret) = (sandbox.open_gateway_url(), sandbox.open_gateway_client_secret().clone());
            let auth = ClientAuth::Basic { secret };
            let config = Config::new(url.clone(), url, ApiVersion::V2, sandbox.open_gateway_client_id(), auth);
            let http = HttpClient::danger_with_private_addresses().unwrap();
            builder.public_url(origin).provider(OpenGateway::new(config, http).unwrap())
        })
        .await;
        Self { stage, sandbox }
    }

    /// A browser on the page that asks it to go to the operator, and where that is.
    async fn begun(&self) -> (Browser, Page, String) {
        let browser = Browser::new();
        let page = browser.get(&self.stage.request("rp").url(&self.stage)).await.page();
        let page = browser.click(&self.stage, &page, "start", &[]).await.page();
        let url = page.link();
        (browser, page, url)
    }

    /// Where the operator sends whoever opens its URL on the phone with this SIM.
    async fn back(&self, sim: &str, url: &str, over: Over) -> String {
        let opened = self.sandbox.handset(sim).open(url, over).await.unwrap();
        assert!(opened.final_url.contains("/handset/redirect/open_gateway?"), "{}", opened.final_url);
        opened.final_url
    }

    /// How often the operator was asked to judge a code.
    fn exchanged(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path.ends_with("/token")).count()
    }
}

/// What a browser gets that follows the way back to the page.
async fn follow(browser: &Browser, url: &str) -> Answer {
    let arrived = browser.get(url).await;
    assert_eq!(arrived.status, 303, "{arrived:?}");
    assert!(!arrived.text.contains("proof"), "a browser that passes through gets no proof: {arrived:?}");
    browser.get(arrived.location.as_deref().unwrap()).await
}

#[tokio::test]
async fn who_comes_back_from_the_operator_goes_on_to_the_client() {
    let silent = Silent::new().await;
    let (browser, page, url) = silent.begun().await;
    assert!(!page.text.contains("_blank"), "it comes back, so one page is enough: {}", page.text);
    assert!(page.text.contains("over mobile data") && !url.contains("26123456"), "{}", page.text);
    let back = silent.back(PHONE, &url, Over::MobileData).await;
    let back = follow(&browser, &back).await.back();
    let claims = silent.stage.redeem("rp", back.code()).await.claims();
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["silent_network"]), &json!("phone")));
    assert_eq!((&claims["phone_number"], &claims["phone_number_verified"]), (&json!(PHONE), &json!(true)));
    assert!(silent.stage.book.messages().is_empty());
}

#[tokio::test]
async fn f1_another_browser_cannot_finish_the_silent_check_of_a_page() {
    let silent = Silent::new().await;
    let (attacker, page, url) = silent.begun().await;
    // The victim's phone follows the attacker's link, and is sent back with what would verify the attacker's check.
    let back = silent.back(PHONE, &url, Over::MobileData).await;
    let victim = Browser::new();
    assert_eq!(victim.get(&back).await.status, 410, "without a cookie");
    victim.get(&silent.stage.request("rp").url(&silent.stage)).await.page();
    assert_eq!(victim.get(&back).await.status, 410, "with a page of its own");
    let (third, _, _) = silent.begun().await;
    assert_eq!(third.get(&back).await.status, 410, "with a check of its own, of the same number");

    assert_eq!(silent.exchanged(), 0, "the operator is not even asked");
    let look = attacker.get(&page.here(&silent.stage)).await.page();
    assert_eq!(look.link(), url, "the check waits as before");
    // Nothing was used up by that.
    follow(&attacker, &back).await.back().code();
}

#[tokio::test]
async fn f1_the_way_back_opens_no_page_for_another_browser() {
    let silent = Silent::new().await;
    let (browser, _, url) = silent.begun().await;
    let back = silent.back(PHONE, &url, Over::MobileData).await;
    let page = browser.get(&back).await.location.unwrap();
    Browser::new().get(&page).await.dead_end();
    // Nor does a check that we have not named.
    let (ticket, named) = page.split_once("&returned=").unwrap();
    let (id, mac) = named.split_once('.').unwrap();
    let backwards: String = mac.chars().rev().collect();
    for forged in [id.to_owned(), format!("{id}."), format!("{id}.{backwards}")] {
        let page = browser.get(&format!("{ticket}&returned={forged}")).await.page();
        assert!(page.text.contains("Continue"), "as it was before the check: {}", page.text);
    }
    browser.get(&page).await.back().code();
}

#[tokio::test]
async fn who_comes_back_with_another_sim_is_told_and_takes_another_way() {
    for (sim, over) in [(OTHER_PHONE, Over::MobileData), (PHONE, Over::Wifi)] {
        let silent = Silent::new().await;
        silent.sandbox.knobs().set(Scope::All, Knob::OverWifi(OverWifi::Refuse)).unwrap();
        let (browser, _, url) = silent.begun().await;
        let back = silent.back(sim, &url, over).await;
        let page = follow(&browser, &back).await.page();
        assert!(page.text.contains("has not confirmed"), "{}", page.text);
        let page = browser.click(&silent.stage, &page, "next", &[]).await.page();
        let code = silent.stage.book.last_code().unwrap();
        let back = browser.click(&silent.stage, &page, "answer", &[("code", code.expose())]).await.back();
        assert_eq!(silent.stage.redeem("rp", back.code()).await.claims()["amr"], json!(["sms"]));
    }
}

#[tokio::test]
async fn a_page_that_waits_looks_again_by_itself() {
    let silent = Silent::new().await;
    let (browser, page, url) = silent.begun().await;
    let here = page.here(&silent.stage);
    assert_eq!(browser.get(&here).await.page().link(), url, "looking changes nothing");
    // A second tab, in which the link was opened.
    let back = silent.back(PHONE, &url, Over::MobileData).await;
    assert_eq!(browser.get(&back).await.status, 303);
    browser.get(&here).await.back().code();
}

#[tokio::test]
async fn while_a_page_waits_the_next_way_is_open_and_so_is_the_way_out() {
    let silent = Silent::new().await;
    let (browser, page, url) = silent.begun().await;
    let next = browser.click(&silent.stage, &page, "next", &[]).await.page();
    assert!(!next.text.contains("http-equiv=\"refresh\""), "who types is not disturbed: {}", next.text);
    let back = silent.back(PHONE, &url, Over::MobileData).await;
    assert_eq!(browser.get(&back).await.status, 410, "that way was left");

    let (browser, page, url) = silent.begun().await;
    browser.click(&silent.stage, &page, "cancel", &[]).await.back().error("access_denied");
    let back = silent.back(PHONE, &url, Over::MobileData).await;
    assert_eq!(browser.get(&back).await.status, 410, "it was called off");
    assert_eq!(silent.exchanged(), 0);
}
