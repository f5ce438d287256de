//! Brings a vendor's callbacks to the application.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, redirect::Policy};

use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::{
        common::Stop,
        knob::{CallbackFault, Dials},
    },
};

/// Takes letters out, one after the other, each once; whatever is answered, it does not come again.
#[derive(Clone)]
pub(super) struct Courier {
    client: Client,
    stop: Stop,
    answers: Arc<Mutex<Vec<u16>>>,
}

/// A callback, ready to be sent.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Courier {
    pub(super) fn new(stop: Stop) -> Result<Self> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|source| {
            Error::new(ErrorKind::Misconfigured, "the sandbox cannot send callbacks").with_source(source)
        })?;
        Ok(Self { client, stop, answers: Arc::default() })
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
            let deliver = async {
                for letter in written.await {
                    let answer = courier.deliver(letter).await;
                    courier.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                }
            };
            courier.stop.unless_stopped(deliver).await;
        });
        if dials.callback() == Some(CallbackFault::Early) {
            // A task that has ended in some other way has sent nothing more.
            let _ = task.await;
        }
    }

    async fn deliver(&self, Letter { url, headers, body }: Letter) -> u16 {
        let request = self.client.post(url).header("Content-Type", "application/json").body(body);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.map_or(0, |answer| answer.status().as_u16())
    }
}

/// How long an application may take to answer a callback.
const PATIENCE: Duration = Duration::from_secs(10);
