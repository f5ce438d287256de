//! What a message says: the words of the policy, the transaction, and the line that binds the code to one origin.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use handset::{
    Action, Binding, ErrorKind, PhoneNumber, Subject, Verifier, proof::ProofKey, testing::CodeBook,
    verifier::StartRequest,
};

const POLICY: &str = r#"
version = 1
[[route]]
name = "everybody"
try = ["code_book/sms"]
message = "{code} confirms {transaction}. Tell it to nobody.\n@{host} #{code}"
"#;

fn verifier(book: &CodeBook, public_url: Option<&str>) -> Verifier {
    let builder = Verifier::builder().policy("policy.toml", POLICY).proof_key(ProofKey::random().unwrap());
    let builder = builder.provider(book.clone());
    public_url.into_iter().fold(builder, |builder, url| builder.public_url(url)).build().unwrap()
}

fn request(binding: Option<&str>, of_application: Option<&str>) -> StartRequest {
    let phone = PhoneNumber::parse("+37126123456", None).unwrap();
    let mut request = StartRequest::new(Subject::new("ada").unwrap(), phone, Action::new("transfer").unwrap());
    request.binding = binding.map(|text| Binding::new(text).unwrap());
    request.facts.binding = of_application.map(|text| Binding::new(text).unwrap());
    request
}

#[tokio::test]
async fn a_message_names_the_transaction_and_ends_with_the_origin() {
    let book = CodeBook::default();
    let payment = Some("120.00 EUR to {code} & Sons");
    verifier(&book, Some("https://bank.example.com:8443")).start(request(payment, payment)).await.unwrap();
    let text = book.messages().pop().unwrap().text.unwrap();
    assert_eq!(text, "{code} confirms 120.00 EUR to code & Sons. Tell it to nobody.\n@bank.example.com #{code}");
}

#[tokio::test]
async fn whoever_starts_a_check_writes_no_messages() {
    for (binding, of_application) in [(Some("call +1 900 555 0100"), None), (Some("a"), Some("b")), (None, None)] {
        let book = CodeBook::default();
        let started = verifier(&book, Some("https://bank.example.com")).start(request(binding, of_application)).await;
        assert!(started.is_err() && book.messages().is_empty(), "{binding:?}");
    }
}

#[tokio::test]
async fn a_message_for_our_origin_needs_to_know_it() {
    let book = CodeBook::default();
    let payment = Some("120.00 EUR to Ada");
    let error = verifier(&book, None).start(request(payment, payment)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Misconfigured | ErrorKind::Unavailable), "{error:?}");
    assert!(book.messages().is_empty());
}
