//! `GET /.well-known/openid-configuration` (OpenID Connect Discovery, section 3; RFC 8414).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{OidcProvider, client::Registered};

pub(super) fn document(provider: &OidcProvider) -> Value {
    let clients: Vec<&Registered> = provider.clients().collect();
    let mut methods = BTreeSet::new();
    let mut acrs = BTreeSet::from([super::DEFAULT_ACR]);
    for client in &clients {
        acrs.extend(client.acrs.keys().map(String::as_str));
        methods.extend(client.uses_secret().then_some("client_secret_basic"));
        methods.extend(client.takes_secret_post.then_some("client_secret_post"));
        methods.extend(client.keys.is_some().then_some("private_key_jwt"));
    }
    let mut document = json!({
        "issuer": provider.issuer(),
        "authorization_endpoint": provider.url("/authorize"),
        "token_endpoint": provider.url("/token"),
        "jwks_uri": provider.url("/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": [provider.keys().signing().algorithm()],
        "scopes_supported": ["openid", "phone"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "request_object_signing_alg_values_supported": ALGORITHMS,
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": acrs,
        "claim_types_supported": ["normal"],
        "claims_supported": CLAIMS,
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    });
    if let (true, Some(members)) = (clients.iter().any(|client| client.has_userinfo), document.as_object_mut()) {
        members.insert("userinfo_endpoint".to_owned(), json!(provider.url("/userinfo")));
    }
    document
}

const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

const CLAIMS: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "phone_number",
    "phone_number_verified",
    "phone_number_from",
];
