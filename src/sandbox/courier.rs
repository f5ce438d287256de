//! Brings a vendor's callbacks to the application.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Method;
use http_body_util::{BodyExt, Limited};
use reqwest::{Client, redirect::Policy};

use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::{
        common::{Common, Stop},
        content::{Content, LONGEST_KEPT},
        knob::{CallbackFault, Dials},
        log::{Incoming, Log},
    },
};

/// Takes letters out, one after the other, each once; whatever is answered, it does not come again.
#[derive(Clone)]
pub(super) struct Courier {
    client: Client,
    stop: Stop,
    /// In whose name.
    vendor: &'static str,
    log: Arc<Log>,
    answers: Arc<Mutex<Vec<u16>>>,
}

/// A callback, ready to be sent.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) url: String,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Courier {
    pub(super) fn new(common: &Common, vendor: &'static str) -> Result<Self> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|source| {
            Error::new(ErrorKind::Misconfigured, "the sandbox cannot send callbacks").with_source(source)
        })?;
        let (stop, log) = (common.stop.clone(), Arc::clone(&common.callbacks));
        Ok(Self { client, stop, vendor, log, answers: Arc::default() })
    }

    /// How the callbacks were answered: 0 for not at all.
    pub(super) fn answers(&self) -> Vec<u16> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the letters out that are written when `written` is over. Waits for them only when the knobs say that they come
    /// early: whoever waits has not answered yet.
    pub(super) async fn send(&self, dials: &Dials, written: impl Future<Output = Vec<Letter>> + Send + 'static) {
        let courier = self.clone();
        let task = tokio::spawn(async move {
            let deliver = async { courier.deliver(written.await).await };
            courier.stop.unless_stopped(deliver).await;
        });
        if dials.callback() == Some(CallbackFault::Early) {
            // A task that has ended in some other way has sent nothing more.
            let _ = task.await;
        }
    }

    /// Takes letters out, here and now.
    pub(super) async fn deliver(&self, letters: Vec<Letter>) {
        for letter in letters {
            let answer = self.take(letter).await;
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        }
    }

    /// Takes one letter out. 0 when there was no answer.
    async fn take(&self, Letter { url, content_type, headers, body }: Letter) -> u16 {
        let request = self.client.post(&url).header("Content-Type", content_type).body(body.clone());
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let Ok(request) = request.build() else { return 0 };
        let entry = self.log.begin(Incoming {
            vendor: self.vendor,
            method: Method::POST,
            path: url,
            number: None,
            sent: Content::of_request(request.headers(), None, body.as_bytes()),
        });
        let Ok(answer) = self.client.execute(request).await else {
            entry.answered(0);
            entry.close(Content::default());
            return 0;
        };
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        entry.answered(status);
        // Nobody waits for the rest of a long one.
        let body = Limited::new(reqwest::Body::from(answer), LONGEST_KEPT).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        entry.close(Content::of(&headers, &body, 0));
        status
    }

    /// The client that takes them out.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

/// How long an application may take to answer a callback.
const PATIENCE: Duration = Duration::from_secs(10);
