//! Vendors whose answers are changed on their way, as a hostile one would give them.

use std::sync::Arc;

use bytes::Bytes;
use handset::provider::http::HttpClient;
use http::{Request, Response};
use reqwest::redirect::Policy;
use tower::{BoxError, service_fn};

use crate::stage::PATIENCE;

/// A client that reaches everything, and leaves each answer to `change`.
pub(crate) fn client(change: impl Fn(&mut Response<Bytes>) + Send + Sync + 'static) -> HttpClient {
    let (change, client) = (Arc::new(change), reqwest_client());
    let service = service_fn(move |request: Request<Bytes>| {
        let (change, client) = (Arc::clone(&change), client.clone());
        async move {
            let mut answer = carry(&client, request).await?;
            change(&mut answer);
            Ok::<_, BoxError>(answer)
        }
    });
    HttpClient::new(service).danger_reach_private_addresses()
}

/// A client to the emulators, which have no TLS: reading the system's certificates would take longer than a whole attempt.
pub(crate) fn reqwest_client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).tls_certs_only([]);
    builder.timeout(PATIENCE).build().unwrap()
}

/// Sends a request, and gives the answer whole.
pub(crate) async fn carry(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, BoxError> {
    let answer = client.execute(request.try_into()?).await?;
    let mut whole = Response::builder().status(answer.status());
    whole.headers_mut().unwrap().clone_from(answer.headers());
    Ok(whole.body(answer.bytes().await?)?)
}
