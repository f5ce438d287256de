//! A handset that opens a URL, as a vendor's SDK on the device would: over mobile data the network knows its SIM.

use std::fmt;

use reqwest::{Client, Url, redirect::Policy};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::Handset,
};

/// How a handset reaches the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "there are two ways, and a vendor tells them apart")]
pub enum Over {
    /// Over its operator's network, which knows the SIM.
    MobileData,
    /// Over somebody's Wi-Fi, which knows nothing.
    Wifi,
}

/// What came of opening a URL. `Debug` shows the status only, for a URL may hold a code.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Opened {
    /// The last URL: one of the application, which was not opened and waits for a browser with the right cookies, or the
    /// one where the emulators' redirects ended.
    pub final_url: String,
    /// The status of the emulators' last answer: a redirect when the way leads on to the application.
    pub status: u16,
    /// The body of that answer.
    pub body: String,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Handset {
    /// Opens a URL of the emulators and follows at most ten redirects, up to the first that leaves the emulators.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the URL is not one of the emulators; [`ErrorKind::Unavailable`] when one of them does
    /// not answer, or sends the handset round and round.
    pub async fn open(&self, url: &str, over: Over) -> Result<Opened> {
        let mut url = Url::parse(url).ok().filter(|url| self.knows(url)).ok_or_else(foreign)?;
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().map_err(lost)?;
        for _ in 0..=MAX_HOPS {
            let request = match over {
                Over::MobileData => client.get(url.clone()).header(SIM, self.number()),
                Over::Wifi => client.get(url.clone()).header(WIFI, "true"),
            };
            let answer = request.send().await.map_err(lost)?;
            let status = answer.status();
            let location = answer.headers().get("location").filter(|_| status.is_redirection());
            let next = location.and_then(|location| url.join(location.to_str().ok()?).ok());
            let body = answer.text().await.map_err(lost)?;
            match next {
                Some(next) if self.knows(&next) => url = next,
                next => {
                    let final_url = next.unwrap_or(url).into();
                    return Ok(Opened { final_url, status: status.as_u16(), body });
                }
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the URL leads through more than ten redirects"))
    }

    fn knows(&self, url: &Url) -> bool {
        url.origin().ascii_serialization() == self.origin
    }
}

fn foreign() -> Error {
    Error::new(ErrorKind::InvalidInput, "a handset opens URLs of the emulators only; open others in a browser")
}

fn lost(source: reqwest::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the handset got no answer").with_source(source.without_url())
}

/// The header by which the emulators know the SIM. No real vendor reads it.
pub(super) const SIM: &str = "x-sandbox-sim";

/// The header by which they know a handset that has no SIM to show. A browser sends neither.
pub(super) const WIFI: &str = "x-sandbox-wifi";

/// As many as a vendor's SDK follows.
const MAX_HOPS: usize = 10;
