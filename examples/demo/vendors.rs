//! The accounts at the five vendors.
//!
//! Here the accounts are the sandbox's. Yours come from a file or from the environment, without a base URL, and with
//! `HttpClient::with_defaults()`: "private addresses" since the sandbox is on loopback.

use std::net::IpAddr;

use handset::{
    Result, Verifier,
    provider::{
        citcall::{self, Citcall},
        http::HttpClient,
        idlayr::{self, DataResidency, IdLayr},
        numcheck::{self, NumCheck},
        open_gateway::{self, ApiVersion, ClientAuth, OpenGateway, SigningAlgorithm},
        zadarma::{self, Zadarma},
    },
    sandbox::Sandbox,
};

pub(crate) fn citcall(sandbox: &Sandbox) -> Result<Citcall> {
    let account = citcall::Config::new(sandbox.citcall_api_key().clone()).with_base_url(sandbox.citcall_url());
    Citcall::new(account, HttpClient::danger_with_private_addresses()?)
}

pub(crate) fn idlayr(sandbox: &Sandbox) -> Result<IdLayr> {
    let (id, secret) = (sandbox.idlayr_client_id(), sandbox.idlayr_client_secret().clone());
    let mut account = idlayr::Config::new(id, secret, DataResidency::Eu).with_base_url(sandbox.idlayr_url());
    // The bank's page may be open on a desk, which has another address than the phone.
    account.send_client_ip = false;
    IdLayr::new(account, HttpClient::danger_with_private_addresses()?)
}

pub(crate) fn numcheck(sandbox: &Sandbox) -> Result<NumCheck> {
    let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
    NumCheck::new(account, HttpClient::danger_with_private_addresses()?)
}

/// The operator sends phones back to the redirect URI that is registered there, and nowhere else.
pub(crate) fn open_gateway(sandbox: &Sandbox, public_url: &str) -> Result<OpenGateway> {
    sandbox.open_gateway_redirect_uri(format!("{public_url}/handset/redirect/open_gateway"));
    let (url, id, key) = (sandbox.open_gateway_url(), sandbox.open_gateway_client_id(), sandbox.open_gateway_key());
    let shows = ClientAuth::PrivateKeyJwt { key, algorithm: SigningAlgorithm::ES256, key_id: None };
    let account = open_gateway::Config::new(url.clone(), url, ApiVersion::V2, id, shows);
    OpenGateway::new(account, HttpClient::danger_with_private_addresses()?)
}

pub(crate) fn zadarma(sandbox: &Sandbox) -> Result<Zadarma> {
    let (key, secret) = (sandbox.zadarma_key().clone(), sandbox.zadarma_secret().clone());
    let mut account = zadarma::Config::new(key, secret).with_base_url(sandbox.zadarma_url());
    // The sounds of calls that ask for a key, by their ids in the account.
    account.greeting_sound_id = Some("657c2c822fb364c1d201f685".to_owned());
    account.button_1_sound_id = Some("6718bc2af7cd712b0e0a96f6".to_owned());
    account.fallback_sound_id = Some("6718bd57e2cc3072e20c0ba6".to_owned());
    // Where the sandbox calls back from; yours keeps the default, the vendor's addresses.
    account.callback_sources = vec![IpAddr::from([127, 0, 0, 1]).into()];
    Zadarma::new(account, HttpClient::danger_with_private_addresses()?)
}

/// Enters the URL for reports into the account at Zadarma, which knows one for all calls. The vendor tests it at once, so the app
/// has to be serving.
pub(crate) async fn register(sandbox: &Sandbox, verifier: &Verifier) -> Result<()> {
    match verifier.callback_url(zadarma::NAME) {
        Some(url) => sandbox.set_zadarma_webhook(&url).await,
        None => Ok(()),
    }
}
