//! The access token: client credentials (RFC 6749, section 4.4).

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{StatusCode, header::AUTHORIZATION};
use oauth2::{
    AsyncHttpClient, ClientId, ClientSecret, HttpRequest, HttpResponse, RequestTokenError, Scope, TokenResponse,
    TokenUrl,
    basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType},
};

use super::{Config, NAME, wire};
use crate::{
    error::{Error, ErrorKind, Result},
    provider::http::{Http, Repeat},
    secret::Secret,
};

/// Fetches a token, and says for how long it may be used.
pub(super) async fn fetch(config: &Config, http: &Http) -> Result<(Secret, Duration)> {
    let url = TokenUrl::new(format!("{}/oauth2/v1/token", config.base_url())).map_err(|source| {
        Error::new(ErrorKind::Misconfigured, "`base_url` makes no URL").with_provider(NAME).with_source(source)
    })?;
    // RFC 6749, section 2.3.1, has both parts of the Basic credentials form-encoded; for ids and secrets of letters, digits,
    // `-`, `_` and `.` that changes nothing.
    let client = BasicClient::new(ClientId::new(config.client_id.clone()))
        .set_client_secret(ClientSecret::new(config.client_secret.expose().to_owned()))
        .set_token_uri(url);
    let answer = client
        .exchange_client_credentials()
        .add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned())))
        .request_async(&Seam(http))
        .await
        .map_err(refused)?;
    let life = answer.expires_in().unwrap_or(UNTOLD).saturating_sub(EARLY);
    Ok((Secret::new(answer.access_token().secret()), life))
}

/// Lets the library speak through our seam.
struct Seam<'a>(&'a Http);

impl<'c> AsyncHttpClient<'c> for Seam<'_> {
    type Error = Error;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let mut request = request.map(Bytes::from);
        if let Some(credentials) = request.headers_mut().get_mut(AUTHORIZATION) {
            credentials.set_sensitive(true);
        }
        async move {
            let answer = self.0.send(request, Repeat::Idempotent).await?;
            match answer.status() {
                // Not in the words of OAuth.
                StatusCode::TOO_MANY_REQUESTS => Err(wire::refusal(&answer)),
                _ => Ok(answer.map(|body| body.to_vec())),
            }
        }
        .boxed()
    }
}

fn refused(error: RequestTokenError<Error, BasicErrorResponse>) -> Error {
    let error = match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(said) => match said.error() {
            BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                Error::new(ErrorKind::Misconfigured, "refuses `client_id` and `client_secret`")
            }
            BasicErrorResponseType::InvalidScope => {
                Error::new(ErrorKind::Misconfigured, "gives this project no access to PhoneCheck or to Coverage")
            }
            _ => Error::new(ErrorKind::Unavailable, "gives no access token"),
        },
        // The source would hold the body, and the body may hold a token.
        _ => Error::new(ErrorKind::Unavailable, "answered with something that is no access token"),
    };
    error.with_provider(NAME)
}

/// What the token is for.
const SCOPES: [&str; 2] = ["phone_check", "coverage"];

/// How long before its end a token is not used any more.
const EARLY: Duration = Duration::from_secs(60);

/// How long a token lasts whose answer does not say it: short, since nothing else is known.
const UNTOLD: Duration = Duration::from_secs(300);
