//! The identity server with its rows.

use axum::Router;
use handset::testing::CodeBook;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Browser, app::Server, book::Database, last, verifier, wrong};

struct Site {
    app: Router,
    codes: CodeBook,
    database: Database,
}

impl Site {
    fn new() -> Self {
        let (verifier, codes) = verifier();
        let database = Database::in_memory().unwrap();
        Self { app: Server::new(database.clone(), verifier).routes(), codes, database }
    }

    /// A browser after the password.
    async fn claimed(&self, name: &str) -> (Browser, Value) {
        let mut browser = Browser::new(&self.app);
        let password = if name == "ada" { "correct horse" } else { "battery staple" };
        let (status, page) = browser.post("/password", json!({ "name": name, "password": password })).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        (browser, page)
    }

    /// A browser of somebody who has enrolled this number now.
    async fn enrolled(&self, name: &str, number: &str) -> Browser {
        let (mut browser, page) = self.claimed(name).await;
        assert_eq!(page, json!({ "enrol": true }));
        let (status, page) = browser.post("/phone/enrol", json!({ "said": number })).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!(self.say(&mut browser, "code", &last(&self.codes)).await.0, StatusCode::OK);
        browser
    }

    async fn say(&self, browser: &mut Browser, what: &str, said: &str) -> (StatusCode, Value) {
        browser.post(&format!("/phone/{what}"), json!({ "said": said })).await
    }
}

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/").await.0 == StatusCode::OK
}

#[tokio::test]
async fn a_first_number_is_enrolled_and_then_asked_at_each_login() {
    let site = Site::new();
    let mut browser = site.enrolled("ada", "+37126123456").await;
    assert!(is_in(&mut browser).await);
    assert_eq!(browser.post("/logout", json!({})).await.0, StatusCode::NO_CONTENT);
    assert!(!is_in(&mut browser).await);

    let (mut browser, page) = site.claimed("ada").await;
    assert_eq!(page["ask"]["masked"], "+371******56");
    assert!(!is_in(&mut browser).await);
    assert_eq!(site.say(&mut browser, "code", &wrong(&last(&site.codes))).await.1["incorrect"], true);
    assert!(!is_in(&mut browser).await);
    let before = browser.clone();
    let (status, done) = site.say(&mut browser, "code", &last(&site.codes)).await;
    assert_eq!((status, &done["amr"]), (StatusCode::OK, &json!(["pwd", "sms", "mfa"])));
    assert!(is_in(&mut browser).await);
    // The session of the password has become nothing.
    let mut before = before;
    assert!(!is_in(&mut before).await);
    assert_eq!(site.say(&mut before, "code", &last(&site.codes)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_has_the_password_only_enrols_no_number_of_their_own() {
    let site = Site::new();
    site.enrolled("ada", "+37126123456").await;
    let (mut thief, _) = site.claimed("ada").await;
    let (status, page) = site.say(&mut thief, "enrol", "+37129999999").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    // The thief has the phone that was named, and the right code: the number is not bound, and nobody is in.
    let (status, _) = site.say(&mut thief, "code", &last(&site.codes)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!is_in(&mut thief).await);
    let (_, page) = site.claimed("ada").await;
    assert_eq!(page["ask"]["masked"], "+371******56");
}

#[tokio::test]
async fn a_number_belongs_to_one_account() {
    let site = Site::new();
    site.enrolled("ada", "+37126123456").await;
    let (mut graces, _) = site.claimed("grace").await;
    site.say(&mut graces, "enrol", "+37126123456").await;
    assert_eq!(site.say(&mut graces, "code", &last(&site.codes)).await.0, StatusCode::FORBIDDEN);
    assert!(!is_in(&mut graces).await);
}

#[tokio::test]
async fn nobody_is_in_by_a_session_that_they_made_up_or_that_is_anothers() {
    let site = Site::new();
    site.enrolled("ada", "+37126123456").await;
    site.enrolled("grace", "+37129999999").await;
    let mut made_up = Browser::new(&site.app);
    made_up.cookie = "__Host-session=mine".to_owned();
    let (status, _) = made_up.post("/password", json!({ "name": "ada", "password": "correct horse" })).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(made_up.cookie, "__Host-session=mine");
    let adas = last(&site.codes);

    // Grace's step in Ada's session, as somebody who can write to the database would put it there.
    let (mut graces, _) = site.claimed("grace").await;
    let code = last(&site.codes);
    let moved = "UPDATE session SET claimed = 'ada' WHERE claimed = 'grace'";
    site.database.run(move |sql| sql.execute(moved, []).map(drop)).await.unwrap();
    assert_eq!(site.say(&mut graces, "code", &code).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(site.say(&mut graces, "code", &adas).await.0, StatusCode::UNAUTHORIZED);
    assert!(!is_in(&mut graces).await);

    // A session that claims and is logged in at once cannot be written down.
    let both = "UPDATE session SET account = 'ada' WHERE claimed = 'ada'";
    assert!(site.database.run(move |sql| sql.execute(both, []).map(drop)).await.is_err());
}

#[tokio::test]
async fn a_login_that_is_called_off_is_over() {
    let site = Site::new();
    site.enrolled("ada", "+37126123456").await;
    let (mut browser, _) = site.claimed("ada").await;
    assert_eq!(site.say(&mut browser, "cancel", "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(site.say(&mut browser, "code", &last(&site.codes)).await.0, StatusCode::UNAUTHORIZED);
    assert!(!is_in(&mut browser).await);
}

#[tokio::test]
async fn a_wrong_password_asks_no_phone() {
    let site = Site::new();
    site.enrolled("ada", "+37126123456").await;
    let sent = site.codes.messages().len();
    let mut browser = Browser::new(&site.app);
    let (status, _) = browser.post("/password", json!({ "name": "ada", "password": "wrong" })).await;
    assert_eq!((status, site.codes.messages().len()), (StatusCode::UNAUTHORIZED, sent));
    assert!(!is_in(&mut browser).await);
}
