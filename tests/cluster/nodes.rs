//! Three `handset serve`, one Redis, and a proxy that gives each request to the next of them.

use std::sync::{
    Arc, Mutex, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{Response, StatusCode},
};
use handset::sandbox::Sandbox;
use tokio::net::TcpListener;

use super::{
    redis::Server,
    served::{Folder, Served},
};

/// The processes, and what is around them.
pub(super) struct Nodes {
    pub(super) sandbox: Sandbox,
    pub(super) redis: Mutex<Server>,
    /// What people reach it with.
    pub(super) http: reqwest::Client,
    /// Where the proxy is.
    pub(super) url: String,
    /// Those that run.
    served: Mutex<Vec<Option<Served>>>,
    urls: Arc<RwLock<Vec<String>>>,
}

impl Nodes {
    pub(super) async fn start(redis: Server) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let served: Vec<_> = (0..COUNT).map(|n| Some(serve(&sandbox, &redis, n))).collect();
        let urls: Vec<String> = served.iter().flatten().map(|served| served.url.clone()).collect();
        let urls = Arc::new(RwLock::new(urls));
        let url = proxy(Arc::clone(&urls)).await;
        let http = super::served::client();
        Self { sandbox, redis: Mutex::new(redis), http, url, served: Mutex::new(served), urls }
    }

    /// Ends one as the system ends what has too much memory.
    pub(super) fn kill(&self, n: usize) {
        self.served.lock().unwrap()[n] = None;
    }

    /// Starts it again. It listens elsewhere now.
    pub(super) async fn revive(&self, n: usize) {
        let served = serve(&self.sandbox, &self.redis.lock().unwrap(), n);
        self.urls.write().unwrap()[n] = served.url.clone();
        self.served.lock().unwrap()[n] = Some(served);
    }
}

fn serve(sandbox: &Sandbox, redis: &Server, n: usize) -> Served {
    let folder = Folder::new(&format!("cluster-{}-{n}", redis.port));
    folder.put("policy.toml", POLICY);
    folder.put_secret("server-key", "0123456789abcdef0123456789abcdef");
    let end = format!(
        "[subject]\nheader = \"x-user\"\n[redis]\nurl = \"{}\"\n[forward_auth]\nproxy = \"nginx\"\n\
         [[forward_auth.route]]\npath = \"/**\"\naction = \"transfer\"\n",
        redis.url()
    );
    folder.serve(sandbox, "server_key = { file = \"server-key\" }", &end)
}

/// Gives each request to the next process that takes a connection.
async fn proxy(urls: Arc<RwLock<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (client, turn) = (super::served::client(), Arc::new(AtomicUsize::new(0)));
    let app = Router::new().fallback(async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        for _ in 0..COUNT {
            let node = urls.read().unwrap()[turn.fetch_add(1, Ordering::Relaxed) % COUNT].clone();
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let sent = client.request(parts.method.clone(), format!("{node}{path}")).headers(parts.headers.clone());
            match sent.body(body.clone()).send().await {
                Ok(answer) => {
                    let mut response = Response::builder().status(answer.status());
                    *response.headers_mut().unwrap() = answer.headers().clone();
                    return match answer.bytes().await {
                        Ok(bytes) => response.body(Body::from(bytes)).unwrap(),
                        Err(_) => cut_off(),
                    };
                }
                // Nothing was sent, so another one may have it.
                Err(error) if error.is_connect() => {}
                Err(_) => return cut_off(),
            }
        }
        cut_off()
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// The process ended while it had the request: nobody knows what has become of it.
fn cut_off() -> Response<Body> {
    Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap()
}

const COUNT: usize = 3;

const POLICY: &str = r#"
version = 1

[[limit]]
name = "plenty"
on = "start"
key = ["subject"]
quota = "1000/1h"

[[limit]]
name = "answers"
on = "answer"
key = ["subject"]
quota = "1000/1h"

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", max_age = "5m" }

[[route]]
name = "everybody"
try = ["numcheck/flash_call"]
"#;
