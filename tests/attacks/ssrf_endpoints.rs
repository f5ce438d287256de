//! An authorization server whose metadata name endpoints inside: its token endpoint, its keys, its backchannel.
//!
//! The operator is asked over HTTPS by a public name, as in production; everything else the default client is asked for.

use bytes::Bytes;
use handset::provider::{
    http::{Http, HttpClient, Repeat},
    open_gateway::{ApiVersion, CibaHint, ClientAuth, Config, Flow, OpenGateway},
};
use http::{Request, Response};
use tower::{BoxError, service_fn};

use super::{
    Report,
    hostile_vendor::{carry, reqwest_client},
    policy,
    ssrf::Inside,
};
use crate::{
    stage::{Answer, PATIENCE, PHONE, Stage},
    vendors,
};

/// However the address inside is written.
pub(crate) async fn attack() -> Report {
    let (inside, mut report) = (Inside::start().await, Report::new("SSRF through a server's metadata"));
    for endpoint in ["token_endpoint", "jwks_uri", "backchannel_authentication_endpoint"] {
        let honest = ask(endpoint, None).await;
        assert!(honest.requests > 0, "{endpoint}: what the metadata name is asked");
        for host in HOSTS {
            let led = ask(endpoint, Some(format!("https://{host}:{}/latest/meta-data", inside.port))).await;
            assert_eq!(led.requests, 0, "{endpoint}: the metadata of the attacker are believed");
            inside.count(&mut report, &format!("{endpoint} not asked, {}", led.answer.status)).await;
        }
    }
    report
}

/// What came of a check.
struct Led {
    answer: Answer,
    /// How often the operator was asked at the endpoint's own place.
    requests: usize,
}

/// Goes through a check up to the first request to an endpoint, which the metadata name as `url`.
async fn ask(endpoint: &'static str, url: Option<String>) -> Led {
    let flow = if endpoint.starts_with("backchannel") { Flow::Ciba } else { Flow::AuthorizationCode };
    let stage = stage(flow, endpoint, url).await;
    let ada = stage.person("ada");
    let mut answer = ada.start(PHONE).await;
    if flow == Flow::AuthorizationCode {
        let mut check = answer.expect(201);
        let prompt = &mut check.body["prompt"]["url"];
        *prompt = prompt.as_str().unwrap().replacen(OPERATOR, &stage.sandbox.url(), 1).into();
        let back = vendors::open(&stage.sandbox.handset(PHONE), &check).await;
        let origin = |url: &str| form_urlencoded::byte_serialize(url.as_bytes()).collect::<String>();
        let back = back.replace(&origin(&stage.sandbox.url()), &origin(OPERATOR));
        answer = vendors::visit(&stage, &ada, &back).await.expect(200);
    }
    let path = match endpoint {
        "token_endpoint" => "/token",
        "jwks_uri" => "/jwks",
        _ => "/bc-authorize",
    };
    let requests = stage.sandbox.requests().iter().filter(|request| request.path.ends_with(path)).count();
    Led { answer, requests }
}

async fn stage(flow: Flow, endpoint: &'static str, url: Option<String>) -> Stage {
    let stage = Stage::at(&policy("", r#"["open_gateway/silent_network"]"#), |builder, sandbox, public_url| {
        let base = sandbox.open_gateway_url().replace(&sandbox.url(), OPERATOR);
        let auth = ClientAuth::Basic { secret: sandbox.open_gateway_client_secret().clone() };
        let mut config = Config::new(base.clone(), base, ApiVersion::V2, sandbox.open_gateway_client_id(), auth);
        (config.flow, config.time_out) = (flow, PATIENCE);
        if flow == Flow::Ciba {
            config.ciba_hint = CibaHint::DangerTel;
        }
        let client = client(sandbox.url(), endpoint, url);
        builder.provider(OpenGateway::new(config, client).unwrap()).public_url(public_url)
    })
    .await;
    stage.sandbox.open_gateway_redirect_uri(format!("{}/handset/redirect/open_gateway", stage.url));
    stage
}

/// A client for which the operator is the emulator at `emulator`, with another endpoint in its metadata.
fn client(emulator: String, endpoint: &'static str, url: Option<String>) -> HttpClient {
    let (default, ours) = (HttpClient::with_defaults().unwrap(), reqwest_client());
    let service = service_fn(move |request: Request<Bytes>| {
        let (emulator, url, default, ours) = (emulator.clone(), url.clone(), default.clone(), ours.clone());
        async move {
            let asked = request.uri().to_string();
            let Some(rest) = asked.strip_prefix(OPERATOR) else {
                return Ok(Http::new("operator", default, PATIENCE).send(request, Repeat::Never).await?);
            };
            let (mut head, body) = request.into_parts();
            head.uri = format!("{emulator}{rest}").parse()?;
            let answer = carry(&ours, Request::from_parts(head, body)).await?;
            Ok::<_, BoxError>(match rest.ends_with("/openid-configuration") {
                true => published(&answer, &emulator, endpoint, url),
                false => answer,
            })
        }
    });
    HttpClient::new(service)
}

/// The metadata of an operator that calls itself [`OPERATOR`].
fn published(answer: &Response<Bytes>, emulator: &str, endpoint: &str, url: Option<String>) -> Response<Bytes> {
    let text = String::from_utf8(answer.body().to_vec()).unwrap().replace(emulator, OPERATOR);
    let mut metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(metadata[endpoint].is_string(), "{metadata}");
    if let Some(url) = url {
        metadata[endpoint] = url.into();
    }
    Response::new(metadata.to_string().into())
}

const OPERATOR: &str = "https://operator.example";

/// This machine: as an address, as names, and as what a URL parser takes for an address.
const HOSTS: [&str; 9] = [
    "127.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
];
