//! NumCheck: its calls, and what it refuses.

use super::*;

async fn call_status(sandbox: &Sandbox, call_id: &Value) -> Value {
    let (status, mut info) = json_of(numcheck(sandbox, &format!("/ru/get-call-info?callId={call_id}"))).await;
    assert_eq!(status, StatusCode::OK);
    info["status"].take()
}

#[tokio::test]
async fn a_call_is_ordered_rings_and_is_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let before = SystemTime::now();
    let (status, ordered) = json_of(numcheck(&sandbox, "/ru/init-call?phone=37126123456&description=Ada")).await;
    assert_eq!(status, StatusCode::OK);

    let handset = sandbox.handset(NUMBER);
    let call = next_call(&handset).await;
    assert_eq!(handset.number(), NUMBER);
    assert_eq!(call.from, format!("+{}", ordered["callerId"]));
    assert!(call.from.starts_with("+3716600") && call.from.len() == 12);
    assert!(call.at >= before - Duration::from_secs(1));
    let caller = ordered["callerId"].as_u64().unwrap();
    assert_eq!(
        ordered,
        json!({
            "callId": ordered["callId"].as_u64().unwrap(), "callerId": caller, "code": caller % 10_000,
            "statusCode": 200, "errorCode": 0, "message": null, "success": true,
        })
    );

    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, 0);
    handset.hang_up();
    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, 1);
    assert_eq!(sandbox.calls(), 1);
}

#[tokio::test]
async fn a_call_is_missed_when_its_time_is_over() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::RingTime(Duration::from_millis(1))).unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;

    let handset = sandbox.handset(NUMBER);
    let began = next_call(&handset).await;
    let Event::IncomingCall(ended) = tokio::time::timeout(PATIENCE, handset.wait_for_event()).await.unwrap() else {
        panic!("another event")
    };
    assert_eq!((ended.state, ended.call, ended.id), (CallState::Missed, began.call, began.id + 1));
    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, 1);
}

#[tokio::test]
async fn leading_zeros_are_lost_in_numbers_and_kept_in_strings() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::Number(NUMBER), Knob::CallerEnding("0042".into())).unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!((&ordered["code"], &ordered["callerId"]), (&json!(42), &json!(37_166_000_042_u64)));
    assert_eq!(next_call(&sandbox.handset(NUMBER)).await.ending(), "0042");

    sandbox.knobs().set(Scope::All, Knob::IdsAsStrings).unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!((&ordered["code"], &ordered["callerId"]), (&json!("0042"), &json!("37166000042")));
    assert!(ordered["callId"].is_string());
    let call_id = ordered["callId"].as_str().unwrap();
    let (_, info) = json_of(numcheck(&sandbox, &format!("/en/get-call-info?callId={call_id}"))).await;
    assert_eq!((&info["code"], &info["callId"], &info["status"]), (&json!("0042"), &json!(call_id), &json!(0)));
}

#[tokio::test]
async fn callers_differ() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut callers = BTreeSet::new();
    for _ in 0..20 {
        callers.insert(json_of(numcheck(&sandbox, INIT)).await.1["callerId"].as_u64().unwrap());
    }
    assert!(callers.len() > 10);
    assert_eq!(sandbox.calls(), 20);
}

#[tokio::test]
async fn what_the_vendor_would_not_take_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let long = format!("{INIT}&description={}", "%D1%84".repeat(65));
    let fits = format!("{INIT}&description={}", "%D1%84".repeat(64));
    assert_eq!(json_of(numcheck(&sandbox, &fits)).await.0, StatusCode::OK);
    let refused = [
        ("/de/init-call?phone=37126123456", 404, 3),
        ("/init-call?phone=37126123456", 404, 3),
        ("/en/init-call/?phone=37126123456", 404, 3),
        ("/en/verify?phone=37126123456", 404, 3),
        ("", 404, 3),
        ("/en/init-call", 422, 4),
        ("/en/init-call?phone=", 422, 4),
        ("/en/init-call?phone=%2B37126123456", 422, 4),
        ("/en/init-call?phone=+37126123456", 422, 4),
        ("/en/init-call?phone=371-26123456", 422, 4),
        ("/en/init-call?phone=026123456", 422, 4),
        ("/en/init-call?phone=371261", 422, 4),
        ("/en/init-call?phone=3712612345678901", 422, 4),
        ("/en/init-call?phone=37126123456&phone=37126123457", 422, 4),
        (&long, 422, 5),
        ("/en/get-call-info", 422, 6),
        ("/en/get-call-info?callId=", 422, 6),
        ("/en/get-call-info?callId=one", 422, 6),
        ("/en/get-call-info?callId=1&callId=2", 422, 6),
        ("/en/get-call-info?callId=999999", 404, 7),
    ];
    for (path, http_status, error_code) in refused {
        let (status, body) = json_of(numcheck(&sandbox, path)).await;
        assert_eq!(status.as_u16(), http_status, "{path}");
        assert_refused(&body, http_status, error_code);
    }
    assert_eq!(sandbox.calls(), 1);
    assert_eq!(sandbox.handset(NUMBER).events().len(), 1);
}

#[tokio::test]
async fn only_post_with_the_secret_key_is_served() {
    let sandbox = Sandbox::start().await.unwrap();
    let path = format!("/numcheck{INIT}");
    for token in [None, Some(""), Some("wrong"), Some("pNTmaqxpAmNxzQlDlagWIrpZ9Ge4qlzI")] {
        let mut request = ask(&sandbox, Method::POST, &path);
        if let Some(token) = token {
            request = request.header("X-AUTH-Token", token);
        }
        let (status, body) = json_of(request).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?}");
        assert_refused(&body, 401, 1);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = ask(&sandbox, method.clone(), &path).header("X-AUTH-Token", sandbox.numcheck_token().expose());
        let (status, body) = json_of(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_refused(&body, 405, 2);
    }
    assert_eq!(sandbox.calls(), 0);
    assert_eq!(sandbox.numcheck_token().expose().len(), 32);
}

#[tokio::test]
async fn refusals_speak_the_locale() {
    let sandbox = Sandbox::start().await.unwrap();
    let (_, english) = json_of(numcheck(&sandbox, "/en/init-call")).await;
    let (_, russian) = json_of(numcheck(&sandbox, "/ru/init-call")).await;
    assert!(english["message"].as_str().unwrap().is_ascii());
    assert!(!russian["message"].as_str().unwrap().is_ascii());
}

#[tokio::test]
async fn an_unanswered_call_never_reaches_the_handset() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::Number("371 26 123 456"), Knob::NotAnswered).unwrap();
    let (status, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, -1);
    assert!(sandbox.handset(NUMBER).events().is_empty());
    assert_eq!(sandbox.calls(), 1);

    json_of(numcheck(&sandbox, "/en/init-call?phone=37126123457")).await;
    assert_eq!(sandbox.handset("+37126123457").events().len(), 1);
}

#[tokio::test]
async fn every_request_is_logged_without_showing_numbers() {
    let sandbox = Sandbox::start().await.unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    call_status(&sandbox, &ordered["callId"]).await;
    json_of(numcheck(&sandbox, "/xx/init-call?phone=1")).await;

    let requests = sandbox.requests();
    let told: Vec<_> = requests
        .iter()
        .map(|r| (r.vendor, r.method.as_str(), r.path.as_str(), r.number.as_deref(), r.status))
        .collect();
    assert_eq!(
        told,
        [
            ("numcheck", "POST", "/numcheck/en/init-call", Some(NUMBER), Some(200)),
            ("numcheck", "POST", "/numcheck/ru/get-call-info", Some(NUMBER), Some(200)),
            ("numcheck", "POST", "/numcheck/xx/init-call", None, Some(404)),
        ]
    );
    let shown = format!("{sandbox:?} {requests:?} {:?}", sandbox.handset(NUMBER));
    assert!(!shown.contains("26123456") && !shown.contains(sandbox.numcheck_token().expose()), "{shown}");
}
