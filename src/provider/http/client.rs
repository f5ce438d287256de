//! The default client: reqwest with rustls.

use std::{
    future::Future,
    net::{SocketAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use tower::{BoxError, Service};

use super::{HttpClient, MAX_BODY, Reach, reach::is_public};
use crate::error::{Error, ErrorKind, Result};

impl HttpClient {
    /// A client on reqwest: connects within five seconds, follows no redirect, uses no proxy of the environment, resolves
    /// names to public addresses only, reads at most [`MAX_BODY`] bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the TLS back end cannot be set up.
    pub fn with_defaults() -> Result<Self> {
        Ok(Self::new(Reqwest(build(Reach::PublicHttps)?)))
    }

    /// The same client for emulators: plain HTTP and private addresses as well. See
    /// [`danger_reach_private_addresses`](Self::danger_reach_private_addresses).
    ///
    /// # Errors
    ///
    /// As [`with_defaults`](Self::with_defaults).
    pub fn danger_with_private_addresses() -> Result<Self> {
        Ok(Self::new(Reqwest(build(Reach::Anything)?)).danger_reach_private_addresses())
    }
}

fn build(reach: Reach) -> Result<Client> {
    let builder = Client::builder().redirect(Policy::none()).no_proxy().connect_timeout(CONNECT);
    let builder = match reach {
        Reach::PublicHttps => builder.https_only(true).dns_resolver(Arc::new(PublicOnly)),
        Reach::Anything => builder,
    };
    builder.build().map_err(|source| {
        Error::new(ErrorKind::Misconfigured, "the HTTP client could not be made").with_source(source.without_url())
    })
}

const CONNECT: Duration = Duration::from_secs(5);

/// Reqwest as a tower service over whole bodies.
#[derive(Clone, Debug)]
struct Reqwest(Client);

impl Service<Request<Bytes>> for Reqwest {
    type Response = Response<Bytes>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let request = request.try_into().map_err(reqwest::Error::without_url)?;
            let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
                if body.len() + chunk.len() > MAX_BODY {
                    return Err("the answer is too long".into());
                }
                body.extend_from_slice(&chunk);
            }
            let mut whole = Response::new(body.freeze());
            *whole.status_mut() = answer.status();
            *whole.headers_mut() = std::mem::take(answer.headers_mut());
            Ok(whole)
        })
    }
}

/// Resolves names and drops every address that is not public, so that a name cannot lead inside.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs()).await??;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the name leads to no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
