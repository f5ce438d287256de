//! Has the application send a browser on to the attacker's page after a silent check.

use reqwest::{Client, header::LOCATION, redirect::Policy};

use super::{Report, policy};
use crate::{
    stage::{PHONE, Stage},
    vendors::{self, idlayr, idlayr_config},
};

/// Whatever the query and the headers say, the page is the application's.
pub(crate) async fn attack() -> Report {
    let mut report = Report::new("open redirect through the return page");
    let stage = Stage::at(&policy("", r#"["idlayr/silent_network"]"#), |builder, sandbox, url| {
        builder.provider(idlayr(idlayr_config(sandbox))).public_url(url).return_page(PAGE)
    })
    .await;
    assert_eq!(come_back(&stage, "ada", "", None).await, (303, Some(PAGE.to_owned())), "an honest device is sent on");

    let headers = [None, Some("host"), Some("x-forwarded-host"), Some("referer")];
    for (attempt, header) in headers.into_iter().enumerate() {
        for name in ["return_page", "redirect_uri", "next", "url"] {
            let query = format!("&{name}=%2F%2F{EVIL}");
            let (status, location) = come_back(&stage, &format!("ada-{attempt}-{name}"), &query, header).await;
            report.count(&format!("{status} to the page that was configured"), location.as_deref() != Some(PAGE));
        }
    }
    report
}

/// A silent check whose device comes back with something more.
async fn come_back(stage: &Stage, name: &str, query: &str, header: Option<&str>) -> (u16, Option<String>) {
    let check = stage.person(name).start(PHONE).await.expect(201);
    let back = vendors::open(&stage.sandbox.handset(PHONE), &check).await;
    let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let mut request = client.get(format!("{back}{query}")).header("x-user", name);
    if let Some(header) = header {
        request = request.header(header, EVIL);
    }
    let answer = request.send().await.unwrap();
    let location = answer.headers().get(LOCATION).map(|location| location.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location)
}

const PAGE: &str = "/done";
const EVIL: &str = "evil.example";
