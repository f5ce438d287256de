//! The page on which a person takes the step, where no application shows one: plain HTML that works by itself, better with a
//! little script, in the language of the person.
//!
//! It changes nothing when it is looked at. What it does, its forms do. [`Endpoints`](crate::Endpoints) serve it when they are
//! [given pages](crate::Endpoints::step_pages); the OpenID provider and Entra's step show the same page.

mod brand;
mod document;
mod notice;
mod number;
mod page;
mod pages;
mod picture;
mod ticket;
mod walk;
mod words;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY},
};
use http_body_util::Full;
use maud::html;

use crate::error::{Error, ErrorKind, Result};

pub use pages::{Builder, StepPages};
pub(crate) use {
    brand::Brand,
    document::Document,
    notice::Notice,
    page::{Stage, StepPage},
    ticket::{Asked, Errand},
    walk::{Done, Standing, Visit, Walk, sight},
    words::Words,
};

/// Sends the browser on, after a form too.
pub(crate) fn see_other(url: &str) -> Result<Response<Full<Bytes>>> {
    let location = HeaderValue::from_str(url)
        .map_err(|source| Error::new(ErrorKind::Unavailable, "there is no way on").with_source(source))?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// A page that says why nothing goes on here, to whoever made the request what it is.
#[cfg(any(feature = "oidc-provider", feature = "entra"))]
pub(crate) fn dead_end(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    end(status, "This does not work", text, &Brand::default(), ("en", "ltr"))
}

/// The same in the words of the page, to the person.
pub(crate) fn dead_end_in(
    pages: &StepPages,
    words: &Words,
    status: StatusCode,
    message: &str,
) -> Response<Full<Bytes>> {
    let (title, text) = (words.say("title-dead-end"), words.say(message));
    end(status, &title, &text, pages.brand(), (&words.tag(), words.direction()))
}

fn end(
    status: StatusCode,
    title: &str,
    text: &str,
    brand: &Brand,
    language: (&str, &'static str),
) -> Response<Full<Bytes>> {
    let body = html! { p { (text) } };
    Document { title, body, brand, language, form_action: "'none'", refresh: None, script: None }.response(status)
}

#[cfg(test)]
mod tests;
