//! Runs `handset serve` itself, on real sockets.
#![cfg(all(feature = "cli", feature = "open-gateway", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "common/served.rs"]
mod served;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
};

use handset::sandbox::Sandbox;
use reqwest::StatusCode;
use serde_json::{Value, json};

use served::{Folder, PHONE, POLICY, client, faults, settings, step, text, until};

const FORWARD_AUTH: &str = r#"
[subject]
header = "X-User"

[forward_auth]
proxy = "traefik"

[[forward_auth.route]]
path = "/transfer/**"
methods = ["POST"]
action = "transfer"

[[forward_auth.route]]
path = "/static/**"
open = true
"#;

/// What Traefik asks about a transfer of Ada's.
fn transfer(url: &str) -> reqwest::RequestBuilder {
    let ask = client().get(format!("{url}/forward-auth")).header("x-user", "ada");
    ask.header("x-forwarded-method", "POST").header("x-forwarded-uri", "/transfer?to=eve")
}

#[tokio::test]
async fn it_goes_from_start_to_proof_and_says_who_showed_what() {
    let (folder, sandbox) = (Folder::new("proof"), Sandbox::start().await.unwrap());
    let served = folder.serve(&sandbox, "", FORWARD_AUTH);
    let line: Value = serde_json::from_str(&served.first_line).unwrap();
    let url = served.url.as_str();
    assert_eq!(
        line,
        json!({ "url": url, "endpoints": format!("{url}/handset"), "forward_auth": format!("{url}/forward-auth"), "issuer": null })
    );

    let refused = transfer(url).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.starts_with("Bearer error=\"insufficient_user_authentication\""), "{challenge}");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!((&problem["start"], &problem["action"]), (&json!("/handset/checks"), &json!("transfer")));

    let proof = step(&sandbox, url, |request| request.header("x-user", "ada")).await;
    let admitted = transfer(url).header("handset-proof", &proof).send().await.unwrap();
    assert_eq!(admitted.status(), StatusCode::OK);
    let told = |name: &str| admitted.headers()[name].to_str().unwrap().to_owned();
    assert_eq!([told("handset-subject"), told("handset-acr"), told("handset-amr")], ["ada", "phone", "flash_call"]);
    assert_eq!(told("handset-phone"), "+371******56");
    assert!(told("handset-auth-time").parse::<u64>().unwrap() > 1_700_000_000);
    let again = transfer(url).header("handset-proof", &proof).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "it may be used once");

    let others =
        client().post(format!("{url}/handset/checks")).json(&json!({ "phone_number": PHONE, "action": "transfer" }));
    assert_eq!(others.send().await.unwrap().status(), StatusCode::FORBIDDEN, "nobody is signed in");
    for (path, status) in [
        ("/handset/openapi.json", 200),
        ("/handset/.well-known/jwks.json", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/", 404),
        ("/checks", 404),
    ] {
        assert_eq!(client().get(format!("{url}{path}")).send().await.unwrap().status(), status, "{path}");
    }
    served.signal("TERM");
    assert_eq!(served.ended(), (Some(0), String::new()));
}

#[tokio::test]
async fn b5_a_limit_on_networks_counts_the_address_that_the_trusted_proxy_wrote() {
    let (folder, sandbox) = (Folder::new("address"), Sandbox::start().await.unwrap());
    let limit = "[[limit]]\nname = \"starts per network\"\non = \"start\"\nkey = [\"ip\"]\nquota = \"1/1h\"\n";
    folder.put("policy.toml", &format!("{POLICY}\n{limit}"));
    let served = folder.serve(&sandbox, "client_ip = { header = \"x-forwarded-for\", trusted_proxies = 1 }", "");
    let url = format!("{}/handset/checks", served.url);
    let start = async |forwarded: &str, number: &str| {
        let body = json!({ "phone_number": number, "action": "transfer" });
        client().post(&url).header("x-forwarded-for", forwarded).json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(start("203.0.113.7", "+37126123401").await, 201);
    assert_eq!(start("6.6.6.6, 203.0.113.7", "+37126123402").await, 429);
    assert_eq!(start("6.6.6.6, 203.0.113.8", "+37126123403").await, 201);
    assert_eq!(start("2001:db8::1", "+37126123404").await, 201);
    assert_eq!(start("2001:db8::2", "+37126123405").await, 429);
}

#[tokio::test]
async fn the_step_page_is_served_where_it_has_a_section() {
    let (folder, sandbox) = (Folder::new("step-page"), Sandbox::start().await.unwrap());
    fs::create_dir(folder.0.join("locales")).unwrap();
    folder.put("locales/de.ftl", "button-start = Los geht’s");
    let section = "[step_page]\nname = \"Example Bank\"\nlanguages = \"locales\"\nreturn_origins = [\"https://app.example.com\"]\n\
                   light = { --accent = \"#00695c\" }\n";
    let served = folder.serve(&sandbox, "", section);
    let page = async |url: &str, return_to: &str| {
        let page = format!("{url}/handset/step?action=transfer&return_to={return_to}&locale=de");
        let answer = client().get(page).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = page(&served.url, "https://app.example.com/done").await;
    assert_eq!(status, 200, "{text}");
    assert!(
        text.contains("Example Bank") && text.contains("Los geht’s") && text.contains("--accent:#00695c"),
        "{text}"
    );
    assert_eq!(page(&served.url, "https://elsewhere.example/").await.0, 400);
    drop(served);
    let served = folder.serve(&sandbox, "", "");
    assert_eq!(page(&served.url, "/done").await.0, 404, "nobody has asked for it");
}

/// A request whose handler runs and waits for the body.
fn half_a_start(url: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let body = json!({ "phone_number": PHONE, "action": "transfer" }).to_string();
    let head = format!(
        "POST /handset/checks HTTP/1.1\r\nhost: handset\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    (stream, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_requests_end_and_takes_no_new_ones() {
    let (folder, sandbox) = (Folder::new("drain"), Sandbox::start().await.unwrap());
    let served = folder.serve(&sandbox, "", "");
    let (mut stream, body) = half_a_start(&served.url);
    served.signal("TERM");
    served.wait_for_log("draining");
    let address = served.url.strip_prefix("http://").unwrap().to_owned();
    until("new connections are refused", || TcpStream::connect(&address).is_err());
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 201 Created"), "{answer}");
    assert_eq!(served.ended().0, Some(0));
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let (folder, sandbox) = (Folder::new("cut"), Sandbox::start().await.unwrap());
    let served = folder.serve(&sandbox, "drain = \"100ms\"", "");
    let _half = half_a_start(&served.url);
    served.signal("INT");
    assert_eq!(served.ended().0, Some(0));
    assert!(folder.read("log.txt").contains("requests were cut off"));
}

#[tokio::test]
async fn it_is_not_ready_while_it_drains() {
    let (folder, sandbox) = (Folder::new("ready"), Sandbox::start().await.unwrap());
    let served = folder.serve(&sandbox, "drain_delay = \"10m\"", "");
    let get = async |path: &str| client().get(format!("{}{path}", served.url)).send().await.unwrap();
    assert_eq!(get("/readyz").await.json::<Value>().await.unwrap(), json!({ "status": "ready" }));
    served.signal("TERM");
    served.wait_for_log("draining");
    let draining = get("/readyz").await;
    assert_eq!(draining.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(draining.json::<Value>().await.unwrap(), json!({ "status": "draining" }));
    assert_eq!(get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn g2_a_policy_that_changes_is_put_in_force_and_one_that_does_not_load_is_not() {
    let (folder, sandbox) = (Folder::new("reload"), Sandbox::start().await.unwrap());
    let served = folder.serve(&sandbox, "", FORWARD_AUTH);
    let status = async || transfer(&served.url).send().await.unwrap().status();
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
    folder.put("policy.toml", &POLICY.replace("require = {", "nonsense = {"));
    served.wait_for_log("policy refused");
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
    folder.put("policy.toml", &POLICY.replace("action = \"transfer\"", "action = \"other\""));
    served.wait_for_log("policy replaced");
    assert_eq!(status().await, StatusCode::OK);
}

#[tokio::test]
async fn records_go_to_standard_output_when_they_are_wanted_there() {
    let (folder, sandbox) = (Folder::new("records"), Sandbox::start().await.unwrap());
    let mut served = folder.serve(&sandbox, "records = \"-\"", "");
    let body = json!({ "phone_number": PHONE, "action": "transfer" });
    client()
        .post(format!("{}/handset/checks", served.url))
        .json(&body)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let record: Value = serde_json::from_str(&served.read_line()).unwrap();
    assert!(record.to_string().contains("numcheck/flash_call") && !record.to_string().contains("26123456"), "{record}");
    served.signal("TERM");
    assert_eq!(served.ended().0, Some(0));
}

#[tokio::test]
async fn a_server_that_cannot_listen_ends_with_3() {
    let (folder, sandbox) = (Folder::new("taken"), Sandbox::start().await.unwrap());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    folder.put("handset.toml", &settings(&sandbox, "", "").replace("127.0.0.1:0", &address));
    let args = ["serve", "--config", "handset.toml"];
    let output = folder.command(&args).env("NUMCHECK_TOKEN", sandbox.numcheck_token().expose()).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), String::new()));
    assert!(text(&output.stderr).contains("another program listens there"), "{}", text(&output.stderr));
}

#[test]
fn d2_a_secret_that_stands_in_the_file_or_is_open_to_all_is_refused_and_not_shown() {
    let folder = Folder::new("secrets");
    let check = |token: &str| {
        folder.put("handset.toml", &GOOD.replace("{ file = \"token\" }", token));
        let output = folder.run(&["serve", "--config", "handset.toml", "--check"]);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(!err.contains("hunter2") && !out.contains("hunter2"), "{err}{out}");
        (output.status.code().unwrap(), out + &err)
    };
    let path = folder.0.join("token");
    fs::write(&path, "hunter2hunter2hunter2hunter2hunt\n").unwrap();
    for (mode, fine) in [(0o644, false), (0o604, false), (0o602, false), (0o600, true), (0o400, true), (0o640, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let (code, said) = check("{ file = \"token\" }");
        assert_eq!(code, if fine { 0 } else { 1 }, "{mode:o}: {said}");
        assert_eq!(said.contains("chmod 600"), !fine, "{said}");
    }
    for inline in [
        "\"hunter2hunter2hunter2hunter2hunt\"",
        "\"hunter2",
        "{ env = \"NOT_SET\" }",
        "{ file = \"absent\" }",
        "{ file = \"token\", env = \"hunter2\" }",
        "[\"hunter2\"]",
        "{ hunter = \"hunter2\" }",
    ] {
        let (code, said) = check(inline);
        assert!(code == 1 && said.contains("handset.toml:6:"), "{inline}: {said}");
    }
    // One that stands deeper, and that only some ways to show who one is have.
    let operator = |client_auth: &str| {
        let account = format!(
            "token = {{ file = \"token\" }}\n[provider.open_gateway]\nissuer = \"https://auth.operator.example\"\n\
             api_root = \"https://api.operator.example\"\napi_version = \"v2\"\nclient_id = \"app\"\n\
             client_auth = {{ method = \"basic\", {client_auth} }}"
        );
        let file = GOOD.replace("token = { file = \"token\" }", &account);
        folder.put("handset.toml", &file);
        let output = folder.run(&["serve", "--config", "handset.toml", "--check"]);
        (output.status.code().unwrap(), text(&output.stderr))
    };
    assert_eq!(operator("secret = { file = \"token\" }"), (0, String::new()));
    let (code, said) = operator("secret = \"hunter2\"");
    assert!(
        code == 1 && said.contains("`provider.open_gateway.client_auth.secret`") && !said.contains("hunter2"),
        "{said}"
    );
    let (code, said) = operator("key = { file = \"token\" }");
    assert!(code == 1 && said.contains("the method `basic` has a `secret`"), "{said}");
}

/// That both keys are used shows in what is refused: the same one twice.
#[test]
fn h4_server_keys_that_come_and_go_are_settings() {
    let folder = Folder::new("server-keys");
    for (name, text) in [("token", "0"), ("old", "a"), ("new", "b")] {
        folder.put_secret(name, &text.repeat(32));
    }
    let check = |accepted: &str| {
        let keys = format!("server_key = {{ file = \"new\" }}\naccept_server_keys = [{accepted}]\n");
        folder.put("handset.toml", &format!("{keys}{GOOD}"));
        let output = folder.run(&["serve", "--config", "handset.toml", "--check"]);
        (output.status.code().unwrap(), text(&output.stderr))
    };
    assert_eq!(check("{ file = \"old\" }"), (0, String::new()));
    for (accepted, why) in
        [("{ file = \"new\" }", "two server keys are the same"), ("\"hunter2\"", "`accept_server_keys[0]`")]
    {
        let (code, said) = check(accepted);
        assert!(code == 1 && said.contains(why) && !said.contains("hunter2"), "{said}");
    }
}

const GOOD: &str = r#"policy = "policy.toml"
[proof]
key = { algorithm = "hs256", secret = { env = "PROOF_SECRET" } }

[provider.numcheck]
token = { file = "token" }
"#;

#[test]
fn what_is_wrong_with_the_file_has_its_line_and_key_and_says_what_to_write() {
    let folder = Folder::new("faults");
    folder.put_secret("token", "0123456789abcdef0123456789abcdef");
    folder.put("weak.toml", "version = 1\n[[route]]\nname = \"everybody\"\ntry = [\"zadarma/sms\"]\n");
    let top = |line: &str| format!("{line}\n{GOOD}");
    let end = |line: &str| format!("{GOOD}\n{line}");
    let files = [
        GOOD.to_owned(),
        String::new(),
        top("listen 8041"),
        top("listn = \"8041\""),
        top("listen = \"here\""),
        top("listen = 8041"),
        top("mount = \"handset\""),
        top("mount = \"/forward-auth/x\""),
        top("public_url = \"https://app.example.com/path\""),
        top("return_page = \"//elsewhere\""),
        top("drain = \"soon\""),
        top("server_key = \"0123456789abcdef0123456789abcdef\""),
        top("server_key = { env = \"NOT_SET\" }"),
        top("client_ip = { header = \"x-real-ip\", trusted_proxies = 1 }"),
        top("client_ip = { header = \"forwarded\" }"),
        top("client_ip = { header = \"forwarded\", trusted_proxies = 0 }"),
        GOOD.replace("policy.toml", "absent.toml"),
        GOOD.replace("policy.toml", "weak.toml"),
        GOOD.replace("hs256", "rs256"),
        GOOD.replace("hs256", "es256"),
        GOOD.replace("{ env = \"PROOF_SECRET\" }", "\"0123456789abcdef0123456789abcdef\""),
        GOOD.replace("numcheck", "numchek"),
        GOOD.replace("token =", "tokn ="),
        end("locale = \"EN\""),
        end("time_out_ms = \"3s\""),
        end("[subject]\nheader = \"X User\""),
        end("[forward_auth]"),
        end("[forward_auth]\nproxy = \"apache\""),
        end("[forward_auth]\nproxy = \"nginx\"\n[[forward_auth.route]]\npath = \"/a/../b\"\nopen = true"),
        end("[forward_auth]\nproxy = \"nginx\"\n[[forward_auth.route]]\npath = \"/a\""),
        end("[forward_auth]\nproxy = \"nginx\"\n[[forward_auth.route]]\npath = \"/a\"\naction = \"A\""),
        end(
            "[forward_auth]\nproxy = \"nginx\"\n[[forward_auth.route]]\npath = \"/a\"\nopen = true\nmethods = [\"get\"]",
        ),
        end("[forward_auth]\nproxy = \"nginx\"\nto_step_page = true"),
        end("[step_page]\nnam = \"Bank\""),
        end("[step_page]\nlogo = \"https://elsewhere.example/logo.svg\""),
        end("[step_page]\nlanguages = \"none\""),
        end("[step_page]\nreturn_origins = [\"app.example.com\"]"),
        end("[step_page.light]\n--accnt = \"#00695c\""),
    ];
    insta::assert_snapshot!(faults(&folder, GOOD, files));
    folder.put("handset.toml", "");
    assert_eq!(folder.run(&["serve", "--config", "handset.toml"]).status.code(), Some(2), "a server that is to run");
    assert_eq!(folder.run(&["serve", "--config", "absent.toml", "--check"]).status.code(), Some(2));
    assert_eq!(folder.run(&["serve"]).status.code(), Some(2));
}

#[test]
fn every_vendor_of_this_build_can_have_an_account() {
    let folder = Folder::new("vendors");
    for entry in handset::provider::registry::PROVIDERS {
        folder.put(
            "handset.toml",
            &format!(
                "{}\n[provider.{}]\nnonsense = 1",
                GOOD.replace("[provider.numcheck]\ntoken = { file = \"token\" }", ""),
                entry.name
            ),
        );
        let said = text(&folder.run(&["serve", "--config", "handset.toml", "--check"]).stderr);
        assert!(said.contains(&format!("`provider.{}.nonsense`: there is no such key here", entry.name)), "{said}");
    }
}

#[test]
fn the_settings_that_the_page_shows_are_sound() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proxies.md")).unwrap();
    let folder = Folder::new("page");
    folder.put("handset.toml", page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap());
    let mut command = folder.command(&["serve", "--config", "handset.toml", "--check"]);
    let output = command.env("NUMCHECK_TOKEN", "0123456789abcdef0123456789abcdef").output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}
