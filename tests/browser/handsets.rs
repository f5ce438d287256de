//! The page with the phones, and what vendors that are asked as their documents say make of it.

use handset::sandbox::{Event, Knob, Sandbox, Scope};
use serde_json::{Value, json};

use super::{
    NUMBER, PATIENCE,
    harness::Browser,
    raw::{Answer, Application},
    vendors::{citcall, idlayr, numcheck, zadarma},
};

const OTHER: &str = "+6281234567890";
const EMAIL: &str = "ada@example.com";

/// Opens the page with these phones, and waits until it is connected.
async fn page(sandbox: &Sandbox, phones: &[&str]) -> Browser {
    let browser = Browser::open().await;
    show(&browser, sandbox, phones).await;
    browser
}

async fn show(browser: &Browser, sandbox: &Sandbox, phones: &[&str]) {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(phones.iter().map(|phone| ("number", phone)))
        .finish();
    browser.go(&format!("{}?{query}", sandbox.phones_url())).await;
    browser.sees("#online", "Connected to the sandbox").await;
}

/// A part of one phone.
fn on(number: &str, part: &str) -> String {
    format!("[aria-label='Phone {number}'] {part}")
}

/// Has Zadarma send something.
async fn send(sandbox: &Sandbox, parameters: &[(&str, &str)]) {
    assert_eq!(zadarma(sandbox, "/v1/verify/", parameters).send(sandbox).await.json()["status"], "success");
}

/// Has NumCheck call, from a number that ends so.
async fn ring(sandbox: &Sandbox, number: &str, ending: &str) {
    sandbox.knobs().set(Scope::Number(number), Knob::CallerEnding(ending.to_owned())).unwrap();
    // As long as a test may take: nothing here waits for a call to be missed, unless it says so.
    sandbox.knobs().set(Scope::Number(number), Knob::RingTime(PATIENCE)).unwrap();
    let answer = numcheck(sandbox, &format!("init-call?phone={}", &number[1..])).send(sandbox).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_a_notice_and_stands_in_its_thread() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[NUMBER]).await;
    browser.look("handset-idle").await;

    send(&sandbox, &[("channel", "sms"), ("to", NUMBER)]).await;
    let text = sandbox.handset(NUMBER).next_sms().await.text;
    browser.sees(&on(NUMBER, ".notice.messages"), &text).await;
    browser.sees(&on(NUMBER, ".tab.messages .badge"), "1").await;
    browser.holds("/^Message from .*: .*\\d \\d \\d \\d/.test(document.querySelector('.phone [role=status].unseen').textContent)").await;
    browser.look("handset-message").await;

    send(&sandbox, &[("channel", "sms"), ("to", NUMBER), ("code", "482916"), ("language", "de")]).await;
    browser.click(&on(NUMBER, ".notice.messages")).await;
    browser.sees(&on(NUMBER, ".bubble"), "482916").await;
    browser.sees(&on(NUMBER, ".bubble"), &text).await;
    browser.lacks(&on(NUMBER, ".badge")).await;
    browser.look("handset-messages").await;
    browser.click(&on(NUMBER, ".home")).await;
    browser.sees(&on(NUMBER, ".notice.messages"), "482916").await;

    show(&browser, &sandbox, &[NUMBER]).await;
    browser.sees(&on(NUMBER, ".notice.messages"), &text).await;
    browser.lacks(&on(NUMBER, ".badge")).await;
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flash_call_rings_and_is_declined_answered_or_missed() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[NUMBER]).await;

    ring(&sandbox, NUMBER, "4953").await;
    browser.sees(&on(NUMBER, ".call"), "Incoming call +371 6600 4953").await;
    browser.lacks(&on(NUMBER, ".keys")).await;
    browser.holds("document.querySelector('.phone [role=alert]').textContent.endsWith('4 9 5 3.')").await;
    browser.look("handset-ringing").await;
    let order = citcall(&sandbox, json!({ "msisdn": &NUMBER[1..], "retry": 0 }));
    assert_eq!(order.send(&sandbox).await.status, 200);
    browser.sees(&on(NUMBER, ".waiting"), "Also calling: +6221 5080 4953").await;
    browser.look("handset-ringing-twice").await;
    browser.click(&on(NUMBER, ".action:first-child")).await;
    browser.sees(&on(NUMBER, ".notice.calls"), "Declined call").await;
    browser.lacks(&on(NUMBER, ".call")).await;

    ring(&sandbox, NUMBER, "0042").await;
    browser.click(&on(NUMBER, ".action.answer")).await;
    browser.sees(&on(NUMBER, ".notice.calls"), "Answered call").await;

    sandbox.knobs().set(Scope::All, Knob::RingTime(std::time::Duration::ZERO)).unwrap();
    sandbox.knobs().clear(Scope::Number(NUMBER));
    assert_eq!(order.send(&sandbox).await.status, 200);
    browser.sees(&on(NUMBER, ".notice.calls"), "Missed call").await;
    sandbox.knobs().set(Scope::All, Knob::Voicemail).unwrap();
    assert_eq!(order.send(&sandbox).await.status, 200);
    browser.sees(&on(NUMBER, ".notice.calls"), "Nobody saw who called").await;
    browser.click(&on(NUMBER, ".tab.calls")).await;
    browser.sees(&on(NUMBER, ".list.calls"), "+371 6600 0042").await;
    browser.look("handset-calls").await;
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_a_key_is_taken_and_the_key_is_pressed() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut application = Application::open().await;
    sandbox.set_zadarma_webhook(&application.url).await.unwrap();
    let browser = page(&sandbox, &[NUMBER]).await;
    let sounds =
        ["greeting_sound_id", "button_1_sound_id", "fallback_sound_id"].map(|name| (name, "657c2c822fb364c1d201f685"));
    let order: Vec<_> = [("channel", "call_button"), ("to", NUMBER)].into_iter().chain(sounds).collect();

    send(&sandbox, &order).await;
    browser.click(&on(NUMBER, ".action.answer")).await;
    browser.sees(&on(NUMBER, ".greeting"), "It plays the sound 657c2c822fb364c1d201f685, and waits for a key.").await;
    browser.look("handset-keypad").await;
    browser.click(&on(NUMBER, ".key:nth-child(11)")).await;
    browser.sees(&on(NUMBER, ".notice.calls"), "You pressed 0.").await;
    assert!(application.next().await.body.contains("callback_dtmf=0"));

    // The same with the keyboard alone: the focus goes to the keypad, and the keys are those of the phone.
    send(&sandbox, &order).await;
    browser.keys(&on(NUMBER, ".action.answer"), "\u{e007}").await;
    browser.holds("document.activeElement.matches('.key')").await;
    browser.keys(&on(NUMBER, ".key:focus"), "1").await;
    browser.sees(&on(NUMBER, ".notice.calls"), "You pressed 1.").await;
    browser.holds("document.activeElement.matches('.tab')").await;
    assert!(application.next().await.body.contains("callback_dtmf=1"));

    send(&sandbox, &order).await;
    browser.click(&on(NUMBER, ".action.answer")).await;
    browser.click(&on(NUMBER, ".action:last-child")).await;
    browser.sees(&on(NUMBER, ".notice.calls"), "You pressed nothing.").await;
    assert!(application.next().await.body.contains("disposition=answered"));
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoken_code_is_text_and_sound() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = Browser::open().await;
    // A voice of this machine, which keeps what it is to say. There is none without a sound card.
    browser
        .before_pages(
            "globalThis.said = [];
            Object.defineProperty(globalThis, 'speechSynthesis', { value: {
              getVoices: () => [{ localService: false, lang: 'en', name: 'a stranger' }, { localService: true, lang: 'en-GB', name: 'ours' }],
              speak: ({ text, voice }) => said.push([text, voice.name]), cancel() {} } });
            globalThis.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };",
        )
        .await;
    show(&browser, &sandbox, &[NUMBER]).await;

    send(&sandbox, &[("channel", "call_code"), ("to", NUMBER), ("code", "482916")]).await;
    let spoken = sandbox.handset(NUMBER).next_voice_call().await.spoken;
    browser.sees(&on(NUMBER, ".notice.calls"), &spoken).await;
    browser.click(&on(NUMBER, ".tab.calls")).await;
    browser.sees(&on(NUMBER, ".list.calls"), "4 8 2 9 1 6").await;
    browser.look("handset-voice").await;
    browser.holds("said.length === 0").await;
    browser.click(&on(NUMBER, ".listen")).await;
    let said: Vec<(String, String)> = browser.value("said").await;
    assert_eq!(said, [(spoken, "ours".to_owned())]);
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_is_looked_into_by_its_address() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[NUMBER]).await;
    send(&sandbox, &[("channel", "email"), ("to", EMAIL), ("code", "482916")]).await;
    browser.click(&on(NUMBER, ".tab.mail")).await;
    browser.lacks(&on(NUMBER, ".list.mail li")).await;
    browser.look("handset-mail-empty").await;
    browser.fill(&on(NUMBER, "[type=email]"), EMAIL).await;
    browser.click(&on(NUMBER, ".mailbox .filled")).await;
    browser.sees(&on(NUMBER, ".list.mail"), "482916").await;
    browser.look("handset-mail").await;

    // It is in the page's URL now.
    browser.go(&browser.value::<String>("location.href").await).await;
    send(&sandbox, &[("channel", "email"), ("to", EMAIL), ("code", "300700")]).await;
    browser.sees(&on(NUMBER, ".notice.mail"), "300700").await;
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_check_goes_over_mobile_data_with_the_right_sim() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[NUMBER, OTHER]).await;
    browser.click(&on(NUMBER, ".tab.browser")).await;

    let (id, url) = silent_check(&sandbox).await;
    browser.fill(&on(NUMBER, "[type=url]"), &url).await;
    browser.look("handset-browser").await;
    browser.click(&on(NUMBER, ".browse .filled")).await;
    browser.sees(&on(NUMBER, ".browse"), "The operator sends the phone back to the application").await;
    browser.look("handset-browser-back").await;
    assert_eq!(exchange(&sandbox, &browser, &id).await.json()["match"], true);

    let (id, url) = silent_check(&sandbox).await;
    browser.fill(&on(NUMBER, "[type=url]"), &url).await;
    browser.lacks(&on(NUMBER, ".back a")).await;
    browser.choose(&on(NUMBER, ".browse select"), OTHER).await;
    browser.click(&on(NUMBER, ".browse .filled")).await;
    browser.sees(&on(NUMBER, ".back a"), "Go on in this browser").await;
    assert_eq!(exchange(&sandbox, &browser, &id).await.json()["match"], false);

    let (_, url) = silent_check(&sandbox).await;
    browser.choose(&on(NUMBER, ".browse select"), "Its own").await;
    browser.click(&on(NUMBER, "[role=switch]")).await;
    browser.sees(&on(NUMBER, ".signal"), "Wi-Fi").await;
    browser.sees(&on(OTHER, ".signal"), "5G").await;
    browser.fill(&on(NUMBER, "[type=url]"), &url).await;
    browser.click(&on(NUMBER, ".browse .filled")).await;
    browser.sees(&on(NUMBER, ".back .url"), "error=").await;

    browser.fill(&on(NUMBER, "[type=url]"), "http://192.0.2.1/").await;
    browser.click(&on(NUMBER, ".browse .filled")).await;
    browser.sees(&on(NUMBER, ".said"), "A handset opens URLs of the emulators only").await;
    browser.look("handset-browser-wifi").await;
    browser.close(&["400 (Bad Request)"]).await;
}

/// A check of IDlayr's: its id, and the URL for the phone.
async fn silent_check(sandbox: &Sandbox) -> (String, String) {
    let order = idlayr(sandbox, "POST /idlayr/phone_check/v0.2/checks").await;
    let order = order.json(&json!({ "phone_number": NUMBER, "redirect_url": "https://app.example/back" }));
    let check: Value = order.send(sandbox).await.json();
    let id = check["check_id"].as_str().unwrap().to_owned();
    let url = format!("{}/phone_check/v0.2/checks/{id}/redirect", sandbox.idlayr_url());
    (id, url)
}

/// Hands in the code that the phone was sent back with.
async fn exchange(sandbox: &Sandbox, browser: &Browser, id: &str) -> Answer {
    let back: String = browser.value("document.querySelector('.back a').href").await;
    let query = back.split_once('?').unwrap().1;
    let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").unwrap().1.into_owned();
    let patch = json!([{ "op": "add", "path": "/code", "value": code }]).to_string();
    let request = idlayr(sandbox, &format!("PATCH /idlayr/phone_check/v0.2/checks/{id}")).await;
    request.header("Content-Type", "application/json-patch+json").body(&patch).send(sandbox).await
}

#[tokio::test(flavor = "multi_thread")]
async fn knobs_are_switches() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[NUMBER]).await;
    browser.click("//summary[starts-with(., 'Calls')]").await;
    browser.click("#knob-not_answered").await;
    browser.sees("//summary[starts-with(., 'Calls')]", "1").await;
    knobs_are(&sandbox, json!({ "all": { "not_answered": true }, "vendors": {}, "numbers": {} })).await;
    send(&sandbox, &[("channel", "sms"), ("to", NUMBER)]).await;
    browser.sees("#wire", "200 Zadarma").await;
    browser.lacks(&on(NUMBER, ".notice")).await;
    browser.click("//summary[starts-with(., 'Answers')]").await;
    browser.look("handset-knobs").await;

    browser.choose("#scope", "Only Zadarma").await;
    browser.holds("!document.querySelector('#knob-not_answered').checked").await;
    browser.click("#knob-rate_limit").await;
    browser.fill("[aria-label='rate_limit: requests']", "0\u{e004}").await;
    let zadarma_limit = json!({ "rate_limit": { "requests": 0, "per": 60_000 } });
    knobs_are(
        &sandbox,
        json!({ "all": { "not_answered": true }, "vendors": { "zadarma": zadarma_limit }, "numbers": {} }),
    )
    .await;

    browser.choose("#scope", &format!("Only {NUMBER}")).await;
    browser.click("#knob-caller_ending").await;
    browser.fill("[aria-label='caller_ending: four digits']", "1234\u{e004}").await;
    let all = json!({ "all": { "not_answered": true }, "vendors": { "zadarma": zadarma_limit }, "numbers": { NUMBER: { "caller_ending": "1234" } } });
    knobs_are(&sandbox, all.clone()).await;
    // What cannot be is not asked for; what the sandbox refuses is not shown as if it were so.
    browser.fill("[aria-label='caller_ending: four digits']", "12\u{e004}").await;
    browser.click("//summary[starts-with(., 'Callbacks')]").await;
    browser.click("#knob-plain_callbacks").await;
    browser.fill("[aria-label='caller_ending: four digits']", "1234\u{e004}").await;
    browser.click("#knob-callback_url").await;
    browser.fill("[aria-label='callback_url: URL']", "elsewhere\u{e004}").await;
    browser.sees("#knobs [role=alert]", "`callback_url` begins with http://").await;
    browser.look("handset-knobs-refused").await;

    browser.click("//button[.='Turn all back']").await;
    knobs_are(&sandbox, json!({ "all": {}, "vendors": {}, "numbers": {} })).await;
    browser.lacks(".knobs .count:not(:empty)").await;
    browser.close(&["400 (Bad Request)"]).await;
}

/// Waits until the knobs are turned so.
async fn knobs_are(sandbox: &Sandbox, expected: Value) {
    let turned =
        async || reqwest::get(format!("{}/knobs", sandbox.url())).await.unwrap().json::<Value>().await.unwrap();
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let now = turned().await;
        if now == expected {
            return;
        }
        assert!(std::time::Instant::now() < end, "{now} is not {expected}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_knob_has_its_switch() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[]).await;
    browser.holds("document.querySelector('#knobs summary')").await;
    let mut shown: Vec<String> =
        browser.value("[...document.querySelectorAll('#knobs [id^=knob-]')].map(({ id }) => id.slice(5))").await;
    // The sandbox lists them when it is asked for another.
    let refusal =
        reqwest::Client::new().put(format!("{}/knobs", sandbox.url())).body(r#"{"none": true}"#).send().await.unwrap();
    let said = refusal.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned();
    let (_, list) = said.split_once("expected one of ").unwrap();
    let mut known: Vec<String> = list.split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect();
    shown.sort();
    known.sort();
    assert_eq!(shown, known);

    // Turned on with the values that they begin with, all of them are right.
    for summary in 1..=4 {
        browser.click(&format!("#knobs details:nth-of-type({summary}) summary")).await;
    }
    for name in known {
        browser.click(&format!("#knob-{name}")).await;
        let turned = format!(
            "fetch('knobs').then((answer) => answer.json()).then(({{ all }}) => globalThis.turned = '{name}' in all), globalThis.turned"
        );
        browser.holds(&turned).await;
        browser.holds("(globalThis.turned = undefined, true)").await;
    }
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_stand_side_by_side_and_are_added_and_removed() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[]).await;
    browser.sees("#none", "Add a phone by its number").await;
    browser.look("handset-none").await;

    ring(&sandbox, OTHER, "0007").await;
    browser.sees("#called", &format!("Show {OTHER}")).await;
    browser.fill("#number", "somebody\u{e007}").await;
    browser.sees("#add-error", "1 to 15 digits").await;
    browser.look("handset-wrong-number").await;
    browser.fill("#number", "371 26-123-456\u{e007}").await;
    browser.sees(&on(NUMBER, ".owner"), NUMBER).await;
    browser.click("#others button").await;
    browser.sees(&on(OTHER, ".caller"), "0007").await;
    browser.lacks(&on(NUMBER, ".call")).await;
    browser.lacks("#called").await;
    send(&sandbox, &[("channel", "sms"), ("to", NUMBER), ("code", "482916")]).await;
    browser.sees(&on(NUMBER, ".notice"), "482916").await;
    browser.look("handset-two").await;
    browser.picture_for_docs("handset.webp", "#phones").await;

    let url: String = browser.value("location.search").await;
    assert_eq!(url, "?number=%2B37126123456&number=%2B6281234567890");
    browser.click(&format!("[aria-label='Remove {NUMBER}']")).await;
    browser.sees("#called", &format!("Show {NUMBER}")).await;
    browser.holds("location.search === '?number=%2B6281234567890'").await;
    browser.holds("document.activeElement.id === 'number'").await;
    browser.go(&browser.value::<String>("location.href").await).await;
    browser.sees(&on(OTHER, ".caller"), "0007").await;
    sandbox.handset(OTHER).hang_up();
    browser.sees(&on(OTHER, ".notice"), "Declined call").await;
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_vendors_were_asked_is_listed_with_their_answers() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[NUMBER]).await;
    ring(&sandbox, NUMBER, "0042").await;
    browser.sees("#wire li:first-child", "200 NumCheck").await;
    browser.sees("#wire li:first-child", "POST /numcheck/en/init-call about +37126123456").await;

    let wrong = super::raw::Ask::new("POST /numcheck/en/init-call?phone=37126123456").header("X-AUTH-Token", "wrong");
    assert_eq!(wrong.send(&sandbox).await.status, 401);
    browser.sees("#wire li:first-child .refused", "401").await;
    sandbox.knobs().set(Scope::Vendor("citcall"), Knob::Http500).unwrap();
    let order = citcall(&sandbox, json!({ "msisdn": &NUMBER[1..], "retry": 0 }));
    assert_eq!(order.send(&sandbox).await.status, 500);
    browser.sees("#wire li:first-child .broken", "500").await;

    browser.lacks("#wire li:last-child pre").await;
    browser.click("#wire li:last-child summary").await;
    browser.sees("#wire li:last-child pre", "phone=37126123456 x-auth-token: [redacted]").await;
    browser.sees("#wire li:last-child pre", "\"callId\": ").await;
    sandbox.knobs().clear(Scope::Vendor("citcall"));
    sandbox.knobs().set(Scope::Vendor("citcall"), Knob::TimeOut).unwrap();
    assert!(order.is_left_waiting(&sandbox).await);
    browser.sees("#wire li:first-child .waits", "…").await;
    browser.sees("#wire li:last-child pre", "phone=37126123456").await;
    browser.click("#wire li:last-child summary").await;
    browser.lacks("#wire li:last-child pre").await;
    browser.click("#wire li:first-child summary").await;
    browser.sees("#wire li:first-child pre", "\"msisdn\": \"37126123456\"").await;
    browser.look("handset-wire").await;
    let listed: usize = browser.value("document.querySelectorAll('#wire li').length").await;
    assert_eq!(listed, sandbox.requests().len());
    assert!(matches!(sandbox.handset(NUMBER).events()[0], Event::IncomingCall(_)));
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_that_the_sandbox_is_gone_and_finds_it_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[NUMBER]).await;
    send(&sandbox, &[("channel", "sms"), ("to", NUMBER), ("code", "482916")]).await;
    browser.sees(&on(NUMBER, ".notice"), "482916").await;

    let address = sandbox.url().trim_start_matches("http://").parse().unwrap();
    drop(sandbox);
    browser.sees("#online", "The sandbox does not answer").await;
    browser.look("handset-offline").await;
    let again = Sandbox::bind(address).await.unwrap();
    browser.sees("#online", "Connected to the sandbox").await;
    browser.lacks(&on(NUMBER, ".notice")).await;
    send(&again, &[("channel", "sms"), ("to", NUMBER), ("code", "300700")]).await;
    browser.sees(&on(NUMBER, ".notice"), "300700").await;
    browser.close(&["ERR_"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_sandbox_leads_to_the_page() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = Browser::open().await;
    browser.go(&sandbox.url()).await;
    browser.sees("h1", "Virtual handsets").await;
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_says_is_never_markup() {
    let sandbox = Sandbox::start().await.unwrap();
    let browser = page(&sandbox, &[&format!("{NUMBER},{EMAIL}")]).await;
    let markup = "<img src=x onerror=alert(1)> {#code#} <a href=javascript:alert(1)>here</a>";
    send(&sandbox, &[("channel", "email"), ("to", EMAIL), ("code", "482916"), ("email_body", markup)]).await;
    let shown = markup.replace("{#code#}", "482916");
    browser.sees(&on(NUMBER, ".notice.mail"), &shown).await;
    browser.click(&on(NUMBER, ".notice.mail")).await;
    browser.sees(&on(NUMBER, ".list.mail"), &shown).await;
    browser.lacks("img, a").await;
    browser.close(&[]).await;
}
