//! A sandbox before it starts.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use reqwest::Url;

use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind, Result},
    sandbox::{Credentials, Sandbox},
};

/// Settings of a [`Sandbox`] that has not started, each with a default.
///
/// ```
/// use handset::{Secret, sandbox::{Credentials, Sandbox}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut credentials = Credentials::default();
/// credentials.numcheck_token = Some(Secret::new("numcheck-for-tests"));
///
/// let sandbox = Sandbox::builder().credentials(credentials).url("http://sandbox.test:8040").start().await?;
/// assert_eq!(sandbox.numcheck_token().expose(), "numcheck-for-tests");
/// assert_eq!(sandbox.numcheck_url(), "http://sandbox.test:8040/numcheck");
/// # Ok(())
/// # }
/// ```
pub struct Builder {
    pub(super) address: SocketAddr,
    pub(super) url: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) credentials: Credentials,
}

impl Builder {
    /// Listens there. By default on 127.0.0.1, on a port that the system picks, as it does for port 0.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Hands out URLs that begin with this one, for clients that reach the sandbox by another name than its address: a scheme,
    /// a host and a port, such as `http://sandbox:8040`. By default, `http://` and the address.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Lets codes of vendors expire by this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes these credentials, and draws those that are missing. By default all are drawn.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the URL is no origin or a credential has characters that none has;
    /// [`ErrorKind::Unavailable`], with an [`std::io::Error`] for its source, when nothing can listen on the address, and
    /// otherwise when the system's random generator fails; [`ErrorKind::Misconfigured`] when the build has no cryptography:
    /// the features `aws-lc` and `rust-crypto` bring it.
    pub async fn start(self) -> Result<Sandbox> {
        let url = self.url.as_deref().map(origin).transpose()?;
        let credentials = self.credentials.check()?;
        Sandbox::launch(Self { url, credentials, ..self }).await
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            url: None,
            clock: Arc::new(SystemClock),
            credentials: Credentials::default(),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A URL that is an origin and nothing else, as an origin is written.
fn origin(text: &str) -> Result<String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let origin = url.as_ref().map(|url| url.origin().ascii_serialization());
    match (url, origin) {
        (Some(url), Some(origin)) if url.as_str() == format!("{origin}/") => Ok(origin),
        _ => {
            let shape = "the URL of a sandbox is a scheme, a host and a port, such as `http://sandbox:8040`";
            Err(Error::new(ErrorKind::InvalidInput, format!("{shape}; not `{text}`")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_an_origin() {
        for (good, written) in [
            ("http://sandbox:8040", "http://sandbox:8040"),
            ("HTTPS://Sandbox.test:443/", "https://sandbox.test"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(origin(good).unwrap(), written);
        }
        for bad in
            ["", "sandbox:8040", "ftp://sandbox", "http://", "http://a/b", "http://a?b", "http://a#b", "http://u@a"]
        {
            assert_eq!(origin(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
}
