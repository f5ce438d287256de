//! One access token for all, and another one in time.

use std::time::Duration;

use futures_util::future::join_all;
use handset::sandbox::{Knob, Scope};
use serde_json::json;

use super::{App, Browser, ORDINARY, PATIENCE};

#[tokio::test]
async fn many_starts_fetch_one_token() {
    let app = App::start(ORDINARY).await;
    app.sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(30))).unwrap();
    let starts = (0..32).map(|number| {
        let app = &app;
        async move { Browser::new(app).begin(&format!("+371261234{number:02}")).await }
    });
    let checks = join_all(starts).await;
    assert!(checks.iter().all(|check| check["channel"] == "silent_network"));
    assert_eq!((app.asked("POST", "/oauth2/v1/token"), app.asked("POST", "/v0.2/checks")), (1, 32));
}

#[tokio::test]
async fn a_token_is_not_used_in_its_last_minute_nor_after_it_was_taken_back() {
    let app = App::start(ORDINARY).await;
    let mut browser = Browser::new(&app);
    app.sandbox.knobs().set(Scope::All, Knob::TokenLifetime(Duration::from_secs(60))).unwrap();
    browser.begin("+37126123450").await;
    browser.begin("+37126123451").await;
    assert_eq!(app.asked("POST", "/oauth2/v1/token"), 2);

    app.sandbox.knobs().reset();
    browser.begin("+37126123452").await;
    browser.begin("+37126123453").await;
    assert_eq!(app.asked("POST", "/oauth2/v1/token"), 3);

    app.sandbox.revoke_idlayr_tokens();
    assert_eq!(browser.begin("+37126123454").await["channel"], "sms");
    assert_eq!(browser.begin("+37126123455").await["channel"], "silent_network");
    assert_eq!(app.asked("POST", "/oauth2/v1/token"), 4);
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_replaced_once_however_many_find_out() {
    let app = App::start(ORDINARY).await;
    Browser::new(&app).begin("+37126123400").await;
    app.sandbox.revoke_idlayr_tokens();
    app.sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(30))).unwrap();
    let storm = async |from: usize| {
        let starts = (from..from + 32).map(|number| {
            let app = &app;
            async move { Browser::new(app).begin(&format!("+371261234{number:02}")).await["channel"].clone() }
        });
        join_all(starts).await
    };
    // Who is refused goes on to the next route; nobody takes away what another has fetched meanwhile.
    assert!(storm(1).await.contains(&json!("sms")));
    assert!(storm(33).await.iter().all(|channel| channel == "silent_network"));
    assert_eq!(app.asked("POST", "/oauth2/v1/token"), 2);
}

/// A token that lives for a minute and a little is fetched anew when the little is over, by one of all who ask.
#[tokio::test]
async fn a_token_is_replaced_once_before_it_ends_however_many_ask() {
    let app = App::start(ORDINARY).await;
    app.sandbox.knobs().set(Scope::All, Knob::TokenLifetime(Duration::from_secs(62))).unwrap();
    Browser::new(&app).begin("+37126123400").await;
    // For the rest of the test the second token is good.
    app.sandbox.knobs().reset();
    let replaced = async {
        let mut number = 0;
        while app.asked("POST", "/oauth2/v1/token") == 1 {
            let starts = (0..8).map(|_| {
                number += 1;
                let (app, phone) = (&app, format!("+37126{number:06}"));
                async move { Browser::new(app).begin(&phone).await["channel"].clone() }
            });
            let channels = join_all(starts.collect::<Vec<_>>()).await;
            assert!(channels.iter().all(|channel| channel == "silent_network"), "{channels:?}");
        }
    };
    tokio::time::timeout(PATIENCE, replaced).await.unwrap();
    assert_eq!(app.asked("POST", "/oauth2/v1/token"), 2);
}
