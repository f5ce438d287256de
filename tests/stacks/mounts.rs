//! Where the endpoints are served is where challenges point, without saying it twice.

use actix_web::{App, web};
use axum::{Router, routing::get};
use handset::{Endpoints, adapter::axum::routes};

use crate::{
    servers::serve_axum,
    site::Site,
    wire::{ask, post},
};

const START: &str = r#"{"phone_number":"+37126123456","action":"transfer"}"#;
const STRANGER: &str = r#"{"phone_number":"+37126123457","action":"transfer"}"#;

fn mounted(at: &str) -> Site {
    Site::with(|builder| builder.mount(at))
}

#[tokio::test]
async fn axum_serves_them_under_the_mount() {
    for mount in ["/auth/step", ""] {
        let site = mounted(mount);
        let app = Router::new().route("/", get(async || "home")).merge(routes(&site.verifier));
        works(&serve_axum(app).await, mount).await;
    }
}

#[tokio::test]
async fn actix_serves_them_under_the_mount() {
    for mount in ["/auth/step", ""] {
        let verifier = mounted(mount).verifier;
        let address = serve_actix!(move || {
            App::new().route("/", web::get().to(async || "home")).service(Endpoints::new(&verifier))
        });
        works(&address, mount).await;
    }
}

async fn works(address: &str, mount: &str) {
    let (status, check) = post(address, &format!("{mount}/checks"), "ada", STRANGER).await;
    assert_eq!(status, 201, "{check}");
    let id = check["check_id"].as_str().unwrap();
    // The subject was a visitor: nobody read `x-user` here.
    assert_eq!(ask(address, &format!("GET {mount}/checks/{id}"), &[]).await.0, 410);
    assert_eq!(ask(address, &format!("GET {mount}/.well-known/jwks.json"), &[]).await.0, 200);
    assert_eq!(ask(address, "GET /", &[]).await, (200, "home".to_owned()));
}

#[tokio::test]
async fn axum_does_not_serve_them_elsewhere() {
    let site = mounted("/handset");
    let elsewhere = Router::new().nest_service("/auth", Endpoints::new(&site.verifier));
    refuses(&serve_axum(elsewhere).await, "/auth").await;
    let nested = Router::new().nest("/api", routes(&site.verifier));
    refuses(&serve_axum(nested).await, "/api/handset").await;
}

#[tokio::test]
async fn actix_does_not_serve_them_elsewhere() {
    let verifier = mounted("/handset").verifier;
    let address = serve_actix!(move || App::new().service(web::scope("/api").service(Endpoints::new(&verifier))));
    refuses(&address, "/api/handset").await;
}

async fn refuses(address: &str, at: &str) {
    let (status, problem) = post(address, &format!("{at}/checks"), "ada", START).await;
    assert_eq!((status, &problem["type"]), (500, &"urn:handset:problem:misconfigured".into()));
}

/// Of the mount `/api/handset` a proxy has taken off the beginning, or an outer router.
#[tokio::test]
async fn a_part_of_the_mount_may_be_taken_off() {
    let site = mounted("/api/handset");
    let endpoints = || Router::new().nest_service("/handset", Endpoints::new(&site.verifier));
    assert_eq!(post(&serve_axum(endpoints()).await, "/handset/checks", "ada", START).await.0, 201);
    let nested = serve_axum(Router::new().nest("/api", endpoints())).await;
    assert_eq!(post(&nested, "/api/handset/checks", "ada", STRANGER).await.0, 201);
}
