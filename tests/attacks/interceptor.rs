//! Stands where a vendor believes the application to be, and keeps what it posts: the loot of a thief of callbacks.

use axum::{Router, body::to_bytes, extract::Request};
use bytes::Bytes;
use http::{HeaderMap, header::HOST};
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

use super::hostile_vendor::reqwest_client;
use crate::stage::PATIENCE;

/// What calls itself the application's public URL.
pub(crate) struct Interceptor {
    pub(crate) url: String,
    taken: UnboundedReceiver<Callback>,
}

/// What a vendor posted.
#[derive(Clone)]
pub(crate) struct Callback {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Interceptor {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, taken) = mpsc::unbounded_channel();
        let app = Router::new().fallback(async move |request: Request| {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            // Nobody listens any more once the attack is over.
            let _ = sender.send(Callback { path: head.uri.to_string(), headers: head.headers, body });
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, taken }
    }

    pub(crate) async fn next(&mut self) -> Callback {
        timeout(PATIENCE, self.taken.recv()).await.expect("the vendor posts").unwrap()
    }
}

impl Callback {
    /// The same with another header, or without it.
    pub(crate) fn with(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.remove(name);
        if let Some(value) = value {
            self.headers.insert(name, value.parse().unwrap());
        }
        self
    }

    /// A header that is there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Posts it to the application at `url`.
    pub(crate) async fn post(&self, url: &str) -> u16 {
        let client = reqwest_client();
        let mut request = client.post(format!("{url}{}", self.path)).headers(self.headers.clone());
        request = request.body(self.body.clone());
        let mut request = request.build().unwrap();
        // The client writes its own.
        request.headers_mut().remove(HOST);
        request.headers_mut().remove("content-length");
        client.execute(request).await.unwrap().status().as_u16()
    }
}
