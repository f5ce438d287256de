//! An application without a page of its own, and a browser.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, Json, Router, http::HeaderMap, middleware::map_request, routing::get};
use handset::{Action, Endpoints, Proof, StepUpLayer, step_page::StepPages};
use reqwest::{Method, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    PHONE,
    stage::{PATIENCE, Stage, authenticate, seen},
    vendors,
};

/// A step for `/account`.
pub(super) const STEP: &str = "/handset/step?action=account&return_to=/account";

/// The application: `/account` is guarded, and sends who opens it to the step.
pub(super) struct Site {
    pub(super) stage: Stage,
    pub(super) url: String,
}

impl Site {
    /// With these routes for every number.
    pub(super) async fn new(routes: &str) -> Self {
        Self::with(routes, StepPages::builder().name("Example Bank").build().unwrap()).await
    }

    pub(super) async fn with(routes: &str, pages: StepPages) -> Self {
        let stage = vendors::stage(&format!(
            r#"
            version = 1
            [[step_up]]
            name = "the account"
            when = {{ action = "account" }}
            require = {{ acr = "phone", max_age = "5m" }}
            [[route]]
            name = "nobody from here"
            when = {{ "phone.region" = "DE" }}
            deny = "not_here"
            [[route]]
            name = "everyone"
            try = {routes}
            "#
        ))
        .await;
        let guard = StepUpLayer::new(&stage.verifier, Action::new("account").unwrap());
        let guard = guard.step_page("/handset/step").proof_cookie();
        let app = Router::new()
            .route("/account", get(account).post(account).layer(guard))
            .nest_service("/handset", Endpoints::new(&stage.verifier).step_pages(pages))
            .layer(map_request(async |request| authenticate(request)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { stage, url }
    }

    /// A browser in which nobody has been anywhere.
    pub(super) fn browser(&self) -> Browser {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build().unwrap();
        let headers = HeaderMap::from_iter([("accept".parse().unwrap(), "text/html".parse().unwrap())]);
        Browser { http, url: self.url.clone(), headers, cookies: BTreeMap::new() }
    }

    /// How many messages went out.
    pub(super) fn sent(&self) -> usize {
        self.stage.book.messages().len()
    }
}

async fn account(Extension(proof): Extension<Arc<Proof>>, headers: HeaderMap) -> Json<Value> {
    let cookies = headers.get("cookie").map(|cookies| cookies.to_str().unwrap());
    let mut seen = seen(&proof, &headers);
    seen["cookies"] = json!(cookies);
    Json(seen)
}

/// A browser.
#[derive(Clone)]
pub(super) struct Browser {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// The same browser, which says one thing more.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Opens a URL, and goes where it leads while that is not the account.
    pub(super) async fn open(&mut self, url: &str) -> Reply {
        let mut reply = self.get(url).await;
        while let Some(url) = reply.location.clone().filter(|url| url.starts_with("/handset/")) {
            reply = self.get(&url).await;
        }
        reply
    }

    /// Opens a URL, and goes nowhere.
    pub(super) async fn get(&mut self, url: &str) -> Reply {
        self.send(Method::GET, url, |request| request).await
    }

    /// Presses a button, and goes where it leads.
    pub(super) async fn press(&mut self, page: &Reply, button: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = self.post(page, button, fields).await;
        match &reply.location {
            Some(url) if url.starts_with("/handset/") => self.open(url).await,
            _ => reply,
        }
    }

    /// Presses a button, and goes nowhere.
    pub(super) async fn post(&mut self, page: &Reply, button: &str, fields: &[(&str, &str)]) -> Reply {
        let hidden = ["ticket", "csrf"].map(|name| (name, page.hidden(name)));
        let form = hidden.iter().map(|(name, value)| (*name, value.as_str())).chain([("do", button)]);
        self.submit(&form.chain(fields.iter().copied()).collect::<Vec<_>>()).await
    }

    /// Sends a form to the page.
    pub(super) async fn submit(&mut self, fields: &[(&str, &str)]) -> Reply {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let typed = |request: RequestBuilder| request.header("content-type", "application/x-www-form-urlencoded");
        self.send(Method::POST, "/handset/step", |request| typed(request).body(form)).await
    }

    pub(super) async fn send(
        &mut self,
        method: Method,
        url: &str,
        more: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Reply {
        let url = if url.starts_with('/') { format!("{}{url}", self.url) } else { url.to_owned() };
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = self.http.request(method, url).headers(self.headers.clone()).header("cookie", cookies);
        let response = more(request).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let location = headers.get("location").map(|url| url.to_str().unwrap().to_owned());
        Reply { status, headers, location, text: response.text().await.unwrap() }
    }

    /// On the page of a check of the usual number.
    pub(super) async fn begun(&mut self) -> Reply {
        let page = self.open(STEP).await.page();
        self.press(&page, "start", &[("phone", PHONE)]).await.page()
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) location: Option<String>,
    pub(super) text: String,
}

impl Reply {
    #[track_caller]
    pub(super) fn page(self) -> Self {
        assert_eq!((self.status, self.text.contains("name=\"csrf\"")), (200, true), "{self:?}");
        self
    }

    /// A page from which nothing goes on.
    #[track_caller]
    pub(super) fn dead_end(&self) {
        assert_eq!((self.status, &self.location), (400, &None), "{self:?}");
        assert!(!self.text.contains("<form"), "{self:?}");
        assert!(self.headers["content-security-policy"].to_str().unwrap().contains("form-action 'none'"), "{self:?}");
    }

    /// The way back to the account.
    #[track_caller]
    pub(super) fn back(&self) -> &str {
        assert_eq!(self.status, 303, "{self:?}");
        self.location.as_deref().unwrap()
    }

    #[track_caller]
    pub(super) fn says(&self, text: &str) {
        assert!(self.text.contains(text), "no `{text}` in {}", self.text);
    }

    #[track_caller]
    pub(super) fn hidden(&self, name: &str) -> String {
        self.between(&format!("name=\"{name}\" value=\""))
    }

    /// What stands between a text and the next quotation mark.
    #[track_caller]
    pub(super) fn between(&self, before: &str) -> String {
        let rest = self.text.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {}", self.text)).1;
        rest.split('"').next().unwrap().replace("&amp;", "&")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}
