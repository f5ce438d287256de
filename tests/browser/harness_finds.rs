//! What the harness is for: it finds what is wrong with a page.

use axum::{Router, response::Html, routing::get};
use tokio::net::TcpListener;

use super::harness::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_does_wrong_is_found() {
    let url = serve().await;
    let browser = Browser::open().await;
    browser.go(&url).await;
    browser.sees("p", "A page").await;

    let complaints = browser.complaints().await;
    for part in ["policy: script-src-elem keeps out inline", "thrown on purpose", "404 (Not Found)"] {
        assert!(complaints.iter().any(|text| text.contains(part)), "{part}: {complaints:#?}");
    }
    let violations = browser.violations().await;
    for rule in ["image-alt: ", "label: ", "color-contrast: "] {
        assert!(violations.iter().any(|text| text.starts_with(rule)), "{rule}: {violations:#?}");
    }
    browser.close(&[]).await;
}

async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router =
        Router::new().route("/", get(async || ([("content-security-policy", "script-src 'self'")], Html(PAGE)))).route(
            "/page.js",
            get(async || ([("content-type", "text/javascript")], "throw new Error('thrown on purpose');")),
        );
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

const PAGE: &str = r#"<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>
<p style="color: #bbb; background: #fff">A page that does much wrong</p><img src="nothing.png"><input>
<script>document.title = "inline";</script><script src="page.js"></script></main>"#;
