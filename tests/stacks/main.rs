//! One behaviour, whatever serves it: the same requests to axum, actix-web, hyper, bare tower and tonic, over real sockets.
//! Their answers are compared byte for byte with one transcript, and what differs is shown as a diff.
#![cfg(all(feature = "axum", feature = "actix", feature = "testing"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a helper that fails is a test that fails"
)]

#[macro_use]
mod servers;
mod grpc;
mod mounts;
#[path = "../common/outage.rs"]
mod outage;
mod rejections;
mod site;
mod table;
mod transcript;
mod wire;

use site::Site;

#[tokio::test]
async fn axum_answers_as_all_do() {
    let site = Site::new();
    let address = servers::axum(&site.verifier).await;
    same(&site, &address).await;
}

#[tokio::test]
async fn actix_answers_as_all_do() {
    let site = Site::new();
    let address = servers::actix(&site.verifier);
    same(&site, &address).await;
}

#[tokio::test]
async fn hyper_answers_as_all_do() {
    let site = Site::new();
    let address = servers::hyper(&site.verifier).await;
    same(&site, &address).await;
}

#[tokio::test]
async fn tower_answers_as_all_do() {
    let site = Site::new();
    let address = servers::tower(&site.verifier).await;
    same(&site, &address).await;
}

/// A server of tonic that takes HTTP/1.1 too serves the rest of an application beside its methods.
#[tokio::test]
async fn tonic_answers_as_all_do() {
    let site = Site::new();
    let address = servers::tonic(&site.verifier).await;
    same(&site, &address).await;
}

async fn same(site: &Site, address: &str) {
    insta::assert_snapshot!("transcript", transcript::of(site, address).await);
}
