//! An API that is asked with an access token, which many requests share: client credentials (RFC 6749, section 4.4).

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use oauth2::{
    AsyncHttpClient, ClientId, ClientSecret, HttpRequest, HttpResponse, RequestTokenError, Scope, TokenResponse,
    TokenUrl,
    basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType},
};

use super::http::{Http, Repeat, Vendor};
use crate::{
    cache::Kept,
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// An application, as the vendor that gives the tokens knows it.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) vendor: Vendor,
    /// Where tokens are had.
    pub(super) token_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) scopes: &'static [&'static str],
}

/// The API behind the token.
#[derive(Debug)]
pub(super) struct TokenApi {
    account: Account,
    http: Http,
    token: Kept<Secret>,
}

impl TokenApi {
    /// Asks for no token yet.
    pub(super) fn new(account: Account, http: Http) -> Self {
        Self { account, http, token: Kept::new() }
    }

    /// The way to what needs no token.
    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// Sends a request with a token. However many ask for one at the same moment, it is fetched once.
    pub(super) async fn send(&self, mut request: Request<Bytes>, repeat: Repeat) -> Result<Response<Bytes>> {
        let token = self.token.get_or_fetch(self.fetch()).await?;
        let unsendable = |_| self.account.vendor.nonsense("gave an access token with characters that cannot be sent");
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(unsendable)?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let answer = self.http.send(request, repeat).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            // Taken back before its time; the next request gets another one.
            self.token.forget(|kept| kept.matches(token.expose().as_bytes())).await;
        }
        Ok(answer)
    }

    /// Fetches a token, and says for how long it may be used.
    async fn fetch(&self) -> Result<(Secret, Duration)> {
        let Account { vendor, token_url, client_id, client_secret, scopes } = &self.account;
        let no_url = |source| vendor.error(ErrorKind::Misconfigured, "`base_url` makes no URL").with_source(source);
        // RFC 6749, section 2.3.1, has both parts of the Basic credentials form-encoded; for ids and secrets of letters,
        // digits, `-`, `_` and `.` that changes nothing.
        let client = BasicClient::new(ClientId::new(client_id.clone()))
            .set_client_secret(ClientSecret::new(client_secret.expose().to_owned()))
            .set_token_uri(TokenUrl::new(token_url.clone()).map_err(no_url)?);
        let answer = client
            .exchange_client_credentials()
            .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .request_async(&Seam(self))
            .await
            .map_err(|error| self.refused(error))?;
        let life = answer.expires_in().unwrap_or(UNTOLD).saturating_sub(EARLY);
        Ok((Secret::new(answer.access_token().secret()), life))
    }

    fn refused(&self, error: RequestTokenError<Error, BasicErrorResponse>) -> Error {
        let (kind, message) = match error {
            RequestTokenError::Request(error) => return error,
            RequestTokenError::ServerResponse(said) => match said.error() {
                BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                    (ErrorKind::Misconfigured, "refuses `client_id` and `client_secret`")
                }
                BasicErrorResponseType::InvalidScope => {
                    (ErrorKind::Misconfigured, "gives this client no access to the product")
                }
                _ => (ErrorKind::Unavailable, "gives no access token"),
            },
            // The source would hold the body, and the body may hold a token.
            _ => (ErrorKind::Unavailable, "answered with something that is no access token"),
        };
        self.account.vendor.error(kind, message)
    }
}

/// Lets the library speak through our seam.
struct Seam<'a>(&'a TokenApi);

impl<'c> AsyncHttpClient<'c> for Seam<'_> {
    type Error = Error;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let TokenApi { http, account, .. } = self.0;
        let mut request = request.map(Bytes::from);
        if let Some(credentials) = request.headers_mut().get_mut(AUTHORIZATION) {
            credentials.set_sensitive(true);
        }
        async move {
            let answer = http.send(request, Repeat::Idempotent).await?;
            match answer.status() {
                // Not in the words of OAuth.
                status @ StatusCode::TOO_MANY_REQUESTS => Err(account.vendor.refusal(status, &answer)),
                _ => Ok(answer.map(|body| body.to_vec())),
            }
        }
        .boxed()
    }
}

/// How long before its end a token is not used any more.
const EARLY: Duration = Duration::from_secs(60);

/// How long a token lasts whose answer does not say it: short, since nothing else is known.
const UNTOLD: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures_util::future::join_all;
    use tower::service_fn;

    use super::*;
    use crate::provider::http::HttpClient;

    /// A vendor whose API takes the token that it gave last, and no token that was taken back.
    #[derive(Clone, Default)]
    struct Fake {
        fetched: Arc<AtomicUsize>,
        taken_back: Arc<AtomicUsize>,
    }

    impl Fake {
        fn answer(&self, request: &Request<Bytes>, token: (u16, &str)) -> Response<Bytes> {
            let authorization = request.headers()[AUTHORIZATION].to_str().unwrap();
            let (status, body) = if request.uri().path() == "/token" {
                assert_eq!(authorization, "Basic bWU6aHVudGVyMg==");
                assert_eq!(&request.body()[..], b"grant_type=client_credentials&scope=read+write");
                let number = self.fetched.fetch_add(1, Ordering::Relaxed) + 1;
                (token.0, token.1.replace('#', &number.to_string()))
            } else {
                let number: usize = authorization.strip_prefix("Bearer t0ken-").unwrap().parse().unwrap();
                assert!(!format!("{request:?}").contains("t0ken"), "the token is marked sensitive");
                (if number > self.taken_back.load(Ordering::Relaxed) { 200 } else { 401 }, String::new())
            };
            let answer = Response::builder().status(status).header("content-type", "application/json");
            answer.header("retry-after", "17").body(Bytes::from(body)).unwrap()
        }

        fn api(&self, status: u16, token: &'static str) -> TokenApi {
            let fake = self.clone();
            let service = service_fn(move |request: Request<Bytes>| {
                let fake = fake.clone();
                async move {
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(fake.answer(&request, (status, token)))
                }
            });
            let account = Account {
                vendor: Vendor::new("acme", "refuses the access token"),
                token_url: "https://api.example.com/token".to_owned(),
                client_id: "me".to_owned(),
                client_secret: Secret::new("hunter2"),
                scopes: &["read", "write"],
            };
            TokenApi::new(account, Http::new("acme", HttpClient::new(service), Duration::from_secs(20)))
        }
    }

    async fn ask(api: &TokenApi) -> Result<u16> {
        let request = Request::get("https://api.example.com/x").body(Bytes::new()).unwrap();
        api.send(request, Repeat::Never).await.map(|answer| answer.status().as_u16())
    }

    const TOKEN: &str = r#"{"access_token":"t0ken-#","token_type":"bearer","expires_in":3600}"#;

    #[tokio::test]
    async fn many_requests_share_a_token_until_it_is_refused() {
        let fake = Fake::default();
        let api = fake.api(200, TOKEN);
        for (taken_back, fetched, statuses) in [(0, 1, [200; 32]), (1, 1, [401; 32]), (1, 2, [200; 32])] {
            fake.taken_back.store(taken_back, Ordering::Relaxed);
            let answers = join_all((0..32).map(|_| ask(&api))).await;
            assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), statuses);
            assert_eq!(fake.fetched.load(Ordering::Relaxed), fetched);
        }
        assert!(!format!("{api:?}").contains("t0ken") && !format!("{api:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_token_is_not_used_in_its_last_minute() {
        for (token, fetches) in [
            (r#"{"access_token":"t0ken-#","token_type":"bearer","expires_in":60}"#, 2),
            (r#"{"access_token":"t0ken-#","token_type":"bearer","expires_in":90}"#, 1),
            (r#"{"access_token":"t0ken-#","token_type":"bearer"}"#, 1),
        ] {
            let fake = Fake::default();
            let api = fake.api(200, token);
            assert_eq!((ask(&api).await.unwrap(), ask(&api).await.unwrap()), (200, 200));
            assert_eq!(fake.fetched.load(Ordering::Relaxed), fetches, "{token}");
        }
    }

    #[tokio::test]
    async fn every_refusal_of_a_token_gets_its_kind() {
        use ErrorKind::{Misconfigured, RateLimited, Unavailable};
        for (status, body, kind) in [
            (401, r#"{"error":"invalid_client"}"#, Misconfigured),
            (400, r#"{"error":"unauthorized_client"}"#, Misconfigured),
            (400, r#"{"error":"invalid_scope"}"#, Misconfigured),
            (400, r#"{"error":"invalid_request"}"#, Unavailable),
            (429, "", RateLimited),
            (500, "", Unavailable),
            (200, r#"{"access_token":"t0ken-#"}"#, Unavailable),
            (200, "{\"access_token\":\"t0ken-1\\n\",\"token_type\":\"bearer\"}", Unavailable),
            (200, "<html>busy</html>", Unavailable),
        ] {
            let error = ask(&Fake::default().api(status, body)).await.unwrap_err();
            assert_eq!((error.kind(), error.provider()), (kind, Some("acme")), "{status} {body}");
            assert_eq!(error.retry_after(), (status == 429).then_some(Duration::from_secs(17)));
            assert!(!format!("{error:?}").contains("t0ken"), "{error:?}");
        }
    }
}
