//! The addresses that vendors and devices come to: secret, made here, taken apart here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use super::Inner;
use crate::{check::Keys, error::Result, ids::CheckId, provider::ReturnTo, random};

/// Whom a callback URL belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// One check: its id is in the URL.
    Check(CheckId),
    /// The whole account of a provider.
    Account,
}

impl Inner {
    /// Where a vendor reports on one check.
    pub(super) fn callback_url(&self, provider: &str, id: &CheckId) -> Option<String> {
        let mac = self.keys.of(id).name("callback of check", &[provider.as_bytes(), id.as_bytes()]);
        let token = URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &mac].concat());
        self.url(&format!("callback/{provider}/{token}"))
    }

    /// Where a vendor reports that knows one URL for its whole account.
    pub(super) fn account_callback_url(&self, provider: &str) -> Option<String> {
        self.url(&format!("callback/{provider}/{}", account_token(self.keys.current(), provider)))
    }

    /// Whose URL it is, if it is one of ours.
    pub(super) fn addressee(&self, provider: &str, token: &str) -> Option<Addressee> {
        // The vendor goes on calling the URL of before until its dashboard has the new one.
        let is_ours = |keys| bool::from(account_token(keys, provider).as_bytes().ct_eq(token.as_bytes()));
        if self.keys.all().any(is_ours) {
            return Some(Addressee::Account);
        }
        let id = CheckId::from_bytes(*URL_SAFE_NO_PAD.decode(token).ok()?.first_chunk()?);
        let expected = self.callback_url(provider, &id)?;
        let whole = expected.rsplit('/').next()?;
        bool::from(whole.as_bytes().ct_eq(token.as_bytes())).then_some(Addressee::Check(id))
    }

    /// Where the device of a check comes back to, with a fresh state.
    pub(super) fn return_to(&self, provider: &str, id: &CheckId) -> Result<Option<ReturnTo>> {
        let Some(url) = self.url(&format!("redirect/{provider}")) else { return Ok(None) };
        let secret: [u8; 16] = random::bytes()?;
        let state = URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &secret].concat());
        Ok(Some(ReturnTo { url, state }))
    }

    /// The check that a state was made for. Whether it is the right state, its record says.
    pub(super) fn check_of_state(&self, state: &str) -> Option<CheckId> {
        let bytes = URL_SAFE_NO_PAD.decode(state).ok()?;
        (bytes.len() == 32).then(|| bytes.first_chunk().copied().map(CheckId::from_bytes)).flatten()
    }

    /// A public URL below the mount, from the configuration and nothing else.
    pub(super) fn url(&self, path: &str) -> Option<String> {
        self.public_url.as_ref().map(|origin| format!("{origin}{}/{path}", self.mount))
    }
}

fn account_token(keys: &Keys, provider: &str) -> String {
    keys.text_name("callback of account", &[provider.as_bytes()])
}
