//! What the application puts on the page: its name, its logo and its colours.

use maud::{Markup, html};

use crate::error::{Error, ErrorKind, Result};

/// What the page looks like, apart from what it says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brand {
    pub(crate) name: Option<String>,
    pub(super) logo: Option<String>,
    /// Rules that come behind those of the page.
    pub(super) style: String,
    /// Where browsers report what the page's Content Security Policy has kept from running.
    pub(super) reports: Option<String>,
}

impl Brand {
    /// What stands at the head of the page.
    pub(super) fn mark(&self) -> Markup {
        match (&self.logo, &self.name) {
            (Some(logo), name) => html! { p.mark { img src=(logo) alt=(name.as_deref().unwrap_or_default()); } },
            (None, Some(name)) => html! { p.mark { (name) } },
            (None, None) => html! {},
        }
    }

    /// Sets custom properties of the page, in the light or in the dark.
    pub(super) fn set(&mut self, variables: &[(String, String)], dark: bool) -> Result<()> {
        let mut rules = String::new();
        for (name, value) in variables {
            rules.push_str(&rule(name, value)?);
        }
        match (rules.is_empty(), dark) {
            (true, _) => {}
            (false, false) => self.style.push_str(&format!(":root{{{rules}}}")),
            (false, true) => self.style.push_str(&format!("@media (prefers-color-scheme:dark){{:root{{{rules}}}}}")),
        }
        Ok(())
    }
}

fn rule(name: &str, value: &str) -> Result<String> {
    if !VARIABLES.contains(&name) {
        let known = VARIABLES.join("`, `");
        return Err(misconfigured(format!("the step page has no variable `{name}`; it has `{known}`")));
    }
    // Nothing that ends the rule, the style or the page, or that loads something.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b" #%.,()-'".contains(&b);
    if value.is_empty() || !value.bytes().all(plain) || value.to_ascii_lowercase().contains("url(") {
        return Err(misconfigured(format!("the value of `{name}` is no plain CSS value, such as `#0b57d0` or `12px`")));
    }
    Ok(format!("{name}:{value};"))
}

/// A picture of this origin or in the page itself, so that nobody else learns who looks.
pub(super) fn logo(url: String) -> Result<String> {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"'<>\\".contains(&b);
    let ours = url.starts_with('/') && !url.starts_with("//");
    if (ours || url.starts_with("data:image/")) && url.bytes().all(plain) {
        return Ok(url);
    }
    Err(misconfigured("the logo is a path of this origin, such as `/logo.svg`, or a `data:image/` URL".to_owned()))
}

/// A path of this origin or an HTTPS URL, in characters that end no directive.
pub(super) fn reports(url: String) -> Result<String> {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"\\;,".contains(&b);
    let whole = url.starts_with("https://") || (url.starts_with('/') && !url.starts_with("//"));
    if whole && url.bytes().all(plain) {
        return Ok(url);
    }
    Err(misconfigured("reports go to a path of this origin, such as `/csp`, or to an `https` URL".to_owned()))
}

fn misconfigured(message: String) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}

const VARIABLES: [&str; 10] =
    ["--accent", "--on-accent", "--page", "--card", "--text", "--quiet", "--line", "--alert", "--radius", "--font"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_no_rule_and_loads_nothing() {
        assert_eq!(rule("--accent", "rgb(0, 90, 60)").unwrap(), "--accent:rgb(0, 90, 60);");
        for value in ["", "red;", "red}", "url(/x)", "URL(x)", "</style>", "a\nb", "\"a\"", "/**/"] {
            assert!(rule("--accent", value).is_err(), "{value}");
        }
        assert!(rule("--mine", "red").unwrap_err().to_string().contains("`--on-accent`"));
    }

    #[test]
    fn a_logo_is_of_this_origin() {
        assert!(logo("/logo.svg".to_owned()).is_ok() && logo("data:image/png;base64,AA==".to_owned()).is_ok());
        for url in ["//cdn.example/logo.svg", "https://cdn.example/logo.svg", "logo.svg", "data:text/html,x", "/a\"b"] {
            assert!(logo(url.to_owned()).is_err(), "{url}");
        }
    }
}
