//! What every page is, whoever shows it.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY},
};
use http_body_util::BodyExt;

use super::*;
use crate::{
    Action, Channel, CheckId, PhoneNumber,
    check::Status,
    provider::{CodeSource, Prompt},
    verifier::Check,
};

async fn shown(response: Response<Full<Bytes>>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn pages() -> StepPages {
    StepPages::builder().name("Example Bank").logo("/logo.svg").variable("--accent", "#00695c").build().unwrap()
}

fn page<'a>(pages: &'a StepPages, words: &'a Words, stage: Stage<'a>) -> StepPage<'a> {
    StepPage {
        words,
        brand: pages.brand(),
        asking: Some("<b>Bank</b>"),
        transaction: Some("10 EUR to <i>Ada</i>"),
        phone: Some(PhoneNumber::parse("+37126123456", None).unwrap()),
        email: Some("ada@example.org"),
        may_change: true,
        stage,
        notice: Some(Notice::Incorrect),
        now: SystemTime::UNIX_EPOCH,
        here: "/step?ticket=x",
        changes: Some("/step/changes?ticket=x"),
        form_action: "/step",
        hidden: &[("ticket", r#""><script>alert(1)</script>"#)],
        form_target: "https://rp.example",
    }
}

fn check(channel: Channel, prompt: Prompt) -> Check {
    Check {
        id: CheckId::random().unwrap(),
        status: Status::Pending,
        action: Action::new("transfer").unwrap(),
        channel: Some(channel),
        provider: None,
        prompt,
        comes_back: false,
        attempts_left: 3,
        expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(300),
        resend_after: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(30)),
        next_channels: vec![Channel::VoiceCode],
        verified: None,
    }
}

#[tokio::test]
async fn what_others_wrote_is_escaped_and_the_number_masked() {
    let (pages, headers) = (pages(), HeaderMap::new());
    let words = pages.words(&[], &headers);
    let text = shown(
        page(&pages, &words, Stage::Begin { asks_number: false, asks_email: Asked::No }).response(StatusCode::OK),
    )
    .await;
    assert!(!text.contains("<script>") && !text.contains("<b>Bank") && !text.contains("<i>Ada"), "{text}");
    assert!(text.contains("+371******56") && !text.contains("26123456"), "{text}");
}

#[tokio::test]
async fn nothing_may_frame_the_page_or_run_in_it_but_its_own() {
    let (pages, headers) = (pages(), HeaderMap::new());
    let words = pages.words(&[], &headers);
    let response = page(&pages, &words, Stage::Over).response(StatusCode::OK);
    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    let nonce = policy.split_once("script-src 'nonce-").unwrap().1.split('\'').next().unwrap().to_owned();
    let style = format!("style-src 'nonce-{nonce}'");
    let form = "form-action 'self' https://rp.example;";
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", form, &style] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[REFERRER_POLICY], "strict-origin");
    let text = shown(response).await;
    assert_eq!((text.matches("<script").count(), text.matches("<style").count()), (1, 1), "{text}");
    assert_eq!(text.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "{text}");
    assert!(!text.contains(" style=") && !text.contains(" onclick"), "{text}");
    let other = page(&pages, &words, Stage::Over).response(StatusCode::OK);
    assert!(!other.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains(&nonce), "each page has its own");
}

/// A message that is missing, or that lacks a variable, fails here.
#[tokio::test]
async fn every_page_is_whole_in_every_language() {
    let (pages, headers) = (pages(), HeaderMap::new());
    let code = |source, length| Prompt::EnterCode { length, source };
    let link = |mobile_data| Prompt::OpenUrl { url: "https://operator.example/".to_owned(), mobile_data };
    let checks = [
        check(Channel::Sms, code(CodeSource::Message, 6)),
        check(Channel::VoiceCode, code(CodeSource::Call, 4)),
        check(Channel::FlashCall, code(CodeSource::CallerId, 4)),
        check(Channel::Email, code(CodeSource::Email, 5)),
        check(Channel::KeyPress, Prompt::PressKeys { digits: "42".to_owned() }),
        check(Channel::SilentNetwork, link(true)),
        check(Channel::SilentNetwork, Prompt::OperatorToken),
        check(Channel::Sms, Prompt::Wait),
    ];
    for tag in ["ar", "de", "en", "es", "fr", "id", "pl", "pt", "uk"] {
        let words = pages.words(&[Some(tag)], &headers);
        let stages = || {
            checks.iter().map(Stage::Check).chain([
                Stage::Begin { asks_number: true, asks_email: Asked::MayBe },
                Stage::Choice(&[]),
                Stage::Over,
                Stage::CalledOff,
            ])
        };
        for (place, notice) in Notice::ALL.into_iter().enumerate() {
            for stage in stages().skip(place % 2) {
                let page = StepPage { notice: Some(notice), ..page(&pages, &words, stage) };
                let text = shown(page.response(StatusCode::OK)).await;
                let text = text.split("<script").next().unwrap();
                assert!(text.contains(&format!("<html lang=\"{tag}\"")), "{text}");
                assert!(!text.contains("{$") && !text.contains("{ $") && !text.contains("<p></p>"), "{tag}: {text}");
            }
        }
        let end = shown(dead_end_in(&pages, &words, StatusCode::BAD_REQUEST, "dead-end-over")).await;
        assert_eq!(end.contains("does not work"), tag == "en", "{end}");
    }
}
