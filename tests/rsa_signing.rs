//! Another part of the program has told `jsonwebtoken` which cryptography to use, before we are asked anything.
#![cfg(all(feature = "aws-lc", feature = "open-gateway"))]

use std::convert::Infallible;

use bytes::Bytes;
use handset::{
    Secret,
    provider::{
        http::HttpClient,
        open_gateway::{ApiVersion, ClientAuth, Config, OpenGateway, SigningAlgorithm},
    },
};
use http::{Request, Response};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    crypto::{self, CryptoProvider, KeyUtils, aws_lc},
    errors::ErrorKind,
};
use tower::service_fn;

#[test]
fn an_assertion_is_signed_by_our_own_choice_of_cryptography() {
    static REFUSES: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        verifier_factory: aws_lc::DEFAULT_PROVIDER.verifier_factory,
        key_utils: KeyUtils::new_unimplemented(),
    };
    REFUSES.install_default().unwrap();
    let key = EncodingKey::from_rsa_pem(PEM.as_bytes()).unwrap();
    assert!(crypto::sign(b"text", &key, Algorithm::RS256).is_err(), "what was installed refuses");

    let auth = ClientAuth::PrivateKeyJwt { key: Secret::new(PEM), algorithm: SigningAlgorithm::RS256, key_id: None };
    let (issuer, api) = ("https://auth.operator.example", "https://api.operator.example");
    let nobody = service_fn(async |_: Request<Bytes>| Ok::<_, Infallible>(Response::<Bytes>::default()));
    // It signs once when it is made, to find a key that does not.
    OpenGateway::new(Config::new(issuer, api, ApiVersion::V2, "app", auth), HttpClient::new(nobody)).unwrap();
}

const PEM: &str = include_str!("../src/provider/oauth/testdata/rs256.pem");
