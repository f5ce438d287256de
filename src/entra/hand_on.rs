//! The last page: its form takes the result to Entra.

use http::StatusCode;
use maud::html;

use super::Reply;
use crate::step_page::{Brand, Document};

/// Hands fields on to `target`: by itself where there is JavaScript, else by a button.
pub(super) fn page(target: &str, fields: &[(&str, &str)]) -> Reply {
    let body = html! {
        form method="post" action=(target) {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button { "Continue" }
        }
    };
    let (title, script) = ("Back to the sign-in", Some(SUBMIT));
    let (brand, language) = (&Brand::default(), ("en", "ltr"));
    Document { title, body, brand, language, form_action: target, refresh: None, script }.response(StatusCode::OK)
}

const SUBMIT: &str = "document.forms[0].submit()";
