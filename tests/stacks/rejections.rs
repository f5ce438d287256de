//! What extractors do where there is nothing to extract: a mistake in the program is a 500 and a line in the log, never a
//! handler that runs without its proof.

use actix_web::{App, web};
use axum::{Router, extract::State, routing::get};
use handset::{
    Subject,
    adapter::{Proven, Rejection, actix::MaybeProven},
};

use crate::{
    servers::listener,
    site::{Site, guard},
    wire::ask,
};

/// Path, and the status that a request of nobody gets there.
const EXPECTED: [(&str, u16); 6] = [
    ("/proof/without-a-layer", 500),
    ("/maybe/without-a-layer", 500),
    ("/proof/not-asked", 500),
    ("/maybe/not-asked", 200),
    ("/subject", 401),
    ("/maybe-subject", 200),
];

#[tokio::test]
async fn no_handler_of_axum_runs_without_its_proof() {
    let (site, (listener, address)) = (Site::new(), listener().await);
    let balance = || guard(&site.verifier, "balance");
    // The extractors take a router of any state.
    let app = Router::new()
        .route("/proof/without-a-layer", get(async |_: Proven| "ran"))
        .route("/maybe/without-a-layer", get(async |_: Option<Proven>| "ran"))
        .route("/proof/not-asked", get(async |_: Proven| "ran").layer(balance()))
        .route("/maybe/not-asked", get(async |proof: Option<Proven>| proof.map_or("", |_| "a proof")).layer(balance()))
        .route("/subject", get(async |_: State<u8>, _: Subject| "ran"))
        .route("/maybe-subject", get(async |subject: Option<Subject>| subject.map_or("", |_| "somebody")))
        .with_state(7_u8);
    tokio::spawn(async move { axum::serve(listener, app).await });
    refuses(&address).await;
}

#[tokio::test]
async fn no_handler_of_actix_runs_without_its_proof() {
    let verifier = Site::new().verifier;
    let address = serve_actix!(move || {
        let balance = |path| web::resource(path).wrap(guard(&verifier, "balance"));
        App::new()
            .route("/proof/without-a-layer", web::get().to(async |_: Proven| "ran"))
            .route("/maybe/without-a-layer", web::get().to(async |_: MaybeProven| "ran"))
            .service(balance("/proof/not-asked").to(async |_: Proven| "ran"))
            .service(balance("/maybe/not-asked").to(async |proof: MaybeProven| proof.0.map_or("", |_| "a proof")))
            .route("/subject", web::get().to(async |_: Subject| "ran"))
            .route("/maybe-subject", web::get().to(async |who: Option<Subject>| who.map_or("", |_| "somebody")))
    });
    refuses(&address).await;
}

async fn refuses(address: &str) {
    for (path, expected) in EXPECTED {
        let (status, body) = ask(address, &format!("GET {path}"), &[]).await;
        assert_eq!(status, expected, "{path}: {body}");
        match expected {
            500 => assert!(body.contains("urn:handset:problem:misconfigured"), "{path}: {body}"),
            401 => assert!(body.contains("urn:handset:problem:no-subject"), "{path}: {body}"),
            _ => assert_eq!(body, "", "{path}"),
        }
    }
}

#[test]
fn each_rejection_says_what_to_do() {
    assert!(Rejection::NoLayer.to_string().contains("put one on its route"));
    assert!(Rejection::NothingAsked.to_string().contains("[[step_up]]"));
}
