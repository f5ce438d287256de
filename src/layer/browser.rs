//! Browsers: a proof among their cookies, and the page on which they get one.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri,
    header::{ACCEPT, CACHE_CONTROL, HOST, LOCATION, ORIGIN, VARY},
    request::Parts,
};
use http_body_util::Full;

use crate::{
    ids::{Action, Binding},
    visitor,
};

/// The proof among the cookies of a request, unless another site may have had the browser send it.
pub(super) fn proof(parts: &Parts) -> Option<&str> {
    let proof = visitor::proof(&parts.headers)?;
    if is_of_own_page(parts) {
        return Some(proof);
    }
    tracing::info!("a proof among the cookies is not taken: the request is not from a page of this origin");
    None
}

/// A cookie is shown without being asked for, so what changes something has to come from a page of this very origin: to be of the same
/// site is not enough. Browsers say where a request comes from; what does not say it changes nothing, or is refused.
fn is_of_own_page(parts: &Parts) -> bool {
    let reads = [Method::GET, Method::HEAD].contains(&parts.method);
    match (text(&parts.headers, &SITE), text(&parts.headers, &ORIGIN)) {
        (Some("same-origin"), _) => true,
        (Some("none"), _) => reads,
        // A link, of whose answer the other page sees nothing.
        (Some(_), _) => reads && opens_page(parts),
        (None, Some(origin)) => is_own(origin, parts),
        (None, None) => reads,
    }
}

/// Whether the browser goes to another page, and not to a part of the one that it shows.
fn opens_page(parts: &Parts) -> bool {
    text(&parts.headers, &MODE) == Some("navigate") && text(&parts.headers, &DEST) == Some("document")
}

/// Whether an origin is the one that the request goes to, over HTTPS or on this machine.
fn is_own(origin: &str, parts: &Parts) -> bool {
    let host = text(&parts.headers, &HOST).or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    let Some((scheme, from)) = origin.split_once("://") else { return false };
    let name = from.rsplit_once(':').map_or(from, |(name, _)| name);
    let is_safe = scheme == "https" || (scheme == "http" && matches!(name, "localhost" | "127.0.0.1" | "[::1]"));
    is_safe && host.is_some_and(|host| host.eq_ignore_ascii_case(from))
}

/// Sends a browser that opens a page to the page of the step, and back when it is taken; `None` for other requests, which are told in
/// words for programs.
pub(super) fn step_page(
    parts: &Parts,
    page: &str,
    action: &Action,
    binding: Option<&Binding>,
) -> Option<Response<Full<Bytes>>> {
    let is_of_old_browser = !parts.headers.contains_key(&MODE);
    let may_be_sent = parts.method == Method::GET
        && (is_of_old_browser || opens_page(parts))
        && text(&parts.headers, &ACCEPT).is_some_and(|accepted| accepted.contains("text/html"));
    if !may_be_sent {
        return None;
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("action", action.as_str());
    query.append_pair("return_to", original(parts).path_and_query()?.as_str());
    query.extend_pairs(binding.map(|binding| ("binding", binding.as_str())));
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(format!("{page}?{}", query.finish())).ok()?);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    Some(response)
}

/// The URI as the browser knows it, where a router has taken off its beginning.
fn original(parts: &Parts) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(original) = parts.extensions.get::<axum::extract::OriginalUri>() {
        return original;
    }
    &parts.uri
}

/// The one value of a header; none for a header that is there twice.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(one), None) => one.to_str().ok(),
        (Some(_), Some(_)) => Some(""),
        _ => None,
    }
}

/// Fetch Metadata Request Headers. No script can set them.
static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/transfer?to=ada").header(HOST, "bank.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_changes_something_comes_from_a_page_of_this_origin() {
        let link = ("sec-fetch-mode", "navigate");
        for (method, headers, taken) in [
            ("POST", vec![("sec-fetch-site", "same-origin")], true),
            ("POST", vec![("sec-fetch-site", "same-site")], false),
            ("POST", vec![("sec-fetch-site", "cross-site")], false),
            ("POST", vec![("sec-fetch-site", "none")], false),
            ("POST", vec![("sec-fetch-site", "cross-site"), link], false),
            ("POST", vec![("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false),
            ("POST", vec![("sec-fetch-site", "cross-site"), ("origin", "https://bank.example")], false),
            ("POST", vec![("origin", "https://bank.example")], true),
            ("POST", vec![("origin", "http://bank.example")], false),
            ("POST", vec![("origin", "https://bank.example.evil.example")], false),
            ("POST", vec![("origin", "https://shop.bank.example")], false),
            ("POST", vec![("origin", "null")], false),
            ("POST", vec![], false),
            ("DELETE", vec![], false),
            ("OPTIONS", vec![("sec-fetch-site", "none")], false),
            ("GET", vec![], true),
            ("GET", vec![("sec-fetch-site", "none"), link], true),
            ("GET", vec![("sec-fetch-site", "cross-site"), link, ("sec-fetch-dest", "document")], true),
            ("GET", vec![("sec-fetch-site", "same-site"), link, ("sec-fetch-dest", "iframe")], false),
            ("GET", vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], false),
            ("GET", vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "websocket")], false),
            ("GET", vec![("origin", "https://evil.example")], false),
        ] {
            assert_eq!(is_of_own_page(&parts(method, &headers)), taken, "{method} {headers:?}");
        }
    }

    #[test]
    fn a_browser_that_opens_a_page_is_sent_to_the_step_and_a_program_is_not() {
        let transfer = Action::new("transfer").unwrap();
        let binding = Binding::new("10 EUR to Ada").unwrap();
        let sent = |parts: &Parts| step_page(parts, "/handset/step", &transfer, Some(&binding));
        let response = sent(&parts("GET", &[("accept", "text/html,*/*;q=0.8")])).unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(
            response.headers()[LOCATION],
            "/handset/step?action=transfer&return_to=%2Ftransfer%3Fto%3Dada&binding=10+EUR+to+Ada"
        );
        for (method, headers) in [
            ("POST", vec![("accept", "text/html")]),
            ("GET", vec![("accept", "application/json")]),
            ("GET", vec![]),
            ("GET", vec![("accept", "text/html"), ("sec-fetch-mode", "cors")]),
            ("GET", vec![("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]),
        ] {
            assert!(sent(&parts(method, &headers)).is_none(), "{method} {headers:?}");
        }
    }
}
