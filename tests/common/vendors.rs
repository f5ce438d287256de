//! Every provider of the crate, as the client of a sandbox's account.

use std::time::Duration;

#[cfg(feature = "open-gateway")]
use handset::provider::open_gateway::{self, ApiVersion, ClientAuth, OpenGateway};
use handset::{
    provider::{
        citcall::{self, Citcall},
        http::HttpClient,
        idlayr::{self, DataResidency, IdLayr},
        zadarma::{self, Zadarma},
    },
    sandbox::{Event, Handset, Over, Sandbox},
    verifier::{Builder, Ready},
};
use serde_json::Value;

use crate::stage::{Answer, PATIENCE, Person, Stage};

/// The SIM of somebody else.
pub(super) const OTHER: &str = "+37129999999";

/// Where e-mails go.
pub(super) const EMAIL: &str = "ada@example.com";

/// A stage where every provider can be chosen.
pub(super) async fn stage(policy: &str) -> Stage {
    stage_through(client(), policy).await
}

/// The same, with a client of the test's own to all vendors.
pub(super) async fn stage_through(client: HttpClient, policy: &str) -> Stage {
    let stage = Stage::through(client.clone(), policy, |builder, sandbox, url| {
        let builder = builder
            .provider(Citcall::new(citcall_config(sandbox), client.clone()).unwrap())
            .provider(IdLayr::new(idlayr_config(sandbox), client.clone()).unwrap())
            .provider(Zadarma::new(zadarma_config(sandbox), client.clone()).unwrap())
            .public_url(url);
        with_open_gateway(builder, sandbox, client)
    })
    .await;
    stage.sandbox.set_zadarma_webhook(&stage.verifier.callback_url("zadarma").unwrap()).await.unwrap();
    #[cfg(feature = "open-gateway")]
    stage.sandbox.open_gateway_redirect_uri(format!("{}/handset/redirect/open_gateway", stage.url));
    stage
}

pub(super) fn citcall(sandbox: &Sandbox) -> Citcall {
    Citcall::new(citcall_config(sandbox), client()).unwrap()
}

pub(super) fn citcall_config(sandbox: &Sandbox) -> citcall::Config {
    citcall::Config::new(sandbox.citcall_api_key().clone()).with_base_url(sandbox.citcall_url()).with_time_out(PATIENCE)
}

pub(super) fn idlayr(config: idlayr::Config) -> IdLayr {
    IdLayr::new(config, client()).unwrap()
}

/// The clock of the tests stands still while the vendor's goes on: its signatures may come from what is the future to us.
pub(super) fn idlayr_config(sandbox: &Sandbox) -> idlayr::Config {
    let (id, secret) = (sandbox.idlayr_client_id(), sandbox.idlayr_client_secret().clone());
    let mut config = idlayr::Config::new(id, secret, DataResidency::Eu).with_base_url(sandbox.idlayr_url());
    config.signature_max_future = Duration::from_secs(60);
    config.with_time_out(PATIENCE)
}

pub(super) fn zadarma(sandbox: &Sandbox) -> Zadarma {
    Zadarma::new(zadarma_config(sandbox), client()).unwrap()
}

fn zadarma_config(sandbox: &Sandbox) -> zadarma::Config {
    let mut config = zadarma::Config::new(sandbox.zadarma_key().clone(), sandbox.zadarma_secret().clone())
        .with_base_url(sandbox.zadarma_url())
        .with_time_out(PATIENCE);
    let sounds = [&mut config.greeting_sound_id, &mut config.button_1_sound_id, &mut config.fallback_sound_id];
    for (id, sound) in
        ["657c2c822fb364c1d201f685", "6718bc2af7cd712b0e0a96f6", "6718bd57e2cc3072e20c0ba6"].into_iter().zip(sounds)
    {
        *sound = Some(id.to_owned());
    }
    config.callback_sources = vec!["127.0.0.1/32".parse().unwrap()];
    config
}

#[cfg(feature = "open-gateway")]
fn with_open_gateway(builder: Builder<Ready>, sandbox: &Sandbox, client: HttpClient) -> Builder<Ready> {
    let (url, id) = (sandbox.open_gateway_url(), sandbox.open_gateway_client_id());
    let auth = ClientAuth::Basic { secret: sandbox.open_gateway_client_secret().clone() };
    let mut config = open_gateway::Config::new(url.clone(), url, ApiVersion::V2, id, auth);
    config.time_out = PATIENCE;
    builder.provider(OpenGateway::new(config, client).unwrap())
}

#[cfg(not(feature = "open-gateway"))]
fn with_open_gateway(builder: Builder<Ready>, _: &Sandbox, _: HttpClient) -> Builder<Ready> {
    builder
}

pub(super) fn client() -> HttpClient {
    HttpClient::danger_with_private_addresses().unwrap()
}

/// A phone opens the URL of a silent check over mobile data, and is led back to the application: to this URL.
pub(super) async fn open(phone: &Handset, check: &Answer) -> String {
    open_over(phone, check, Over::MobileData).await
}

pub(super) async fn open_over(phone: &Handset, check: &Answer, over: Over) -> String {
    let prompt = &check.body["prompt"];
    assert_eq!((&prompt["type"], &prompt["mobile_data"]), (&"open_url".into(), &true.into()), "{}", check.body);
    let opened = phone.open(prompt["url"].as_str().unwrap(), over);
    let opened = tokio::time::timeout(PATIENCE, opened).await.unwrap().unwrap();
    assert_eq!(opened.status, 302, "{}", opened.body);
    opened.final_url
}

/// A person's browser opens a URL of the application.
pub(super) async fn visit(stage: &Stage, person: &Person, url: &str) -> Answer {
    person.send(http::Method::GET, url.strip_prefix(&stage.url).expect("a URL of the application"), None).await
}

/// The code in the last thing that reached a phone or an inbox.
pub(super) fn last_code(handset: &Handset) -> String {
    let code = |event: Event| match event {
        Event::IncomingCall(call) => Some(call.ending().to_owned()),
        Event::Sms(sms) => sms.code().map(str::to_owned),
        Event::VoiceCall(call) => call.code(),
        Event::Email(email) => email.code().map(str::to_owned),
        _ => None,
    };
    handset.events().into_iter().rev().find_map(code).expect("nothing has come")
}

/// What a proof says, for whoever trusts it without looking.
pub(super) fn claims(proof: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(proof).unwrap().claims
}
