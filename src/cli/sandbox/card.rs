//! What is said once the sandbox listens: where it is, and with which credentials.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{cli::Format, sandbox::Sandbox, secret::Secret};

/// The URLs and credentials of a sandbox.
pub(super) struct Card {
    url: String,
    phones_url: String,
    vendors: Vec<Vendor>,
}

struct Vendor {
    name: &'static str,
    title: &'static str,
    url: String,
    /// By their names, which are part of what is promised to programs.
    credentials: Vec<(&'static str, String)>,
    /// By their names; too long for people and shells.
    keys: Vec<(&'static str, String)>,
}

impl Card {
    /// The vendors in alphabetical order.
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        let shown = |secret: &Secret| secret.expose().to_owned();
        let vendor = |name, title, url, credentials| Vendor { name, title, url, credentials, keys: Vec::new() };
        let vendors = vec![
            vendor(
                "citcall",
                "Citcall",
                sandbox.citcall_url(),
                vec![("user_id", shown(sandbox.citcall_user_id())), ("api_key", shown(sandbox.citcall_api_key()))],
            ),
            vendor(
                "idlayr",
                "IDlayr",
                sandbox.idlayr_url(),
                vec![
                    ("client_id", sandbox.idlayr_client_id().to_owned()),
                    ("client_secret", shown(sandbox.idlayr_client_secret())),
                ],
            ),
            vendor("numcheck", "NumCheck", sandbox.numcheck_url(), vec![("token", shown(sandbox.numcheck_token()))]),
            #[cfg(feature = "open-gateway")]
            Vendor {
                keys: vec![
                    ("es256_key", shown(&sandbox.open_gateway_key())),
                    ("rs256_key", shown(&sandbox.open_gateway_rsa_key())),
                ],
                ..vendor(
                    "open_gateway",
                    "Open Gateway",
                    sandbox.open_gateway_url(),
                    vec![
                        ("client_id", sandbox.open_gateway_client_id().to_owned()),
                        ("client_secret", shown(sandbox.open_gateway_client_secret())),
                    ],
                )
            },
            vendor(
                "zadarma",
                "Zadarma",
                sandbox.zadarma_url(),
                vec![("key", shown(sandbox.zadarma_key())), ("secret", shown(sandbox.zadarma_secret()))],
            ),
        ];
        Self { url: sandbox.url(), phones_url: sandbox.phones_url(), vendors }
    }

    /// The text for standard output, with its last line break.
    pub(super) fn write(&self, format: Format) -> String {
        match format {
            Format::Human => self.page(),
            Format::Plain => self.lines(),
            Format::Json => format!("{}\n", self.object()),
        }
    }

    fn page(&self) -> String {
        let Self { url, phones_url, .. } = self;
        let mut page = format!("The sandbox listens on {url} and emulates {} vendors.\n", self.vendors.len());
        for Vendor { title, url, credentials, .. } in &self.vendors {
            // Writing into a text cannot fail.
            let _ = write!(page, "\n{title}\n  {:<14} {url}\n", "URL");
            for (name, value) in credentials {
                let _ = writeln!(page, "  {:<14} {value}", name.replace('_', " "));
            }
        }
        let _ = write!(
            page,
            "
Every number has a handset, to look at in a browser:
  {phones_url}?number=%2B37126123456
What it was sent:
  curl {url}/handsets/+37126123456/events
The same live:
  curl -N -H 'Accept: text/event-stream' {url}/handsets/+37126123456/events
Vendors misbehave when a knob is turned:
  curl -X PUT -d '{{\"number\": \"+37126123456\", \"not_answered\": true}}' {url}/knobs

Whoever can reach it reads every code. Ctrl-C ends it.
"
        );
        page
    }

    fn lines(&self) -> String {
        let mut lines = format!("SANDBOX_URL={}\n", self.url);
        for Vendor { name, url, credentials, .. } in &self.vendors {
            for (field, value) in std::iter::once(&("url", url.clone())).chain(credentials) {
                // Writing into a text cannot fail. A value has no character that a shell reads as anything else.
                let _ = writeln!(lines, "{}={value}", variable(&format!("{name}_{field}")));
            }
        }
        lines
    }

    fn object(&self) -> Value {
        let mut object = Map::from_iter([("url".to_owned(), json!(self.url))]);
        for Vendor { name, url, credentials, keys, .. } in &self.vendors {
            let mut vendor = Map::from_iter([("url".to_owned(), json!(url))]);
            vendor.extend(credentials.iter().chain(keys).map(|(field, value)| ((*field).to_owned(), json!(value))));
            object.insert((*name).to_owned(), Value::Object(vendor));
        }
        Value::Object(object)
    }
}

/// The variable of a credential or a URL: `SANDBOX_NUMCHECK_TOKEN`. Not the vendor's own word, so that no variable with a
/// true credential is read or overwritten.
pub(super) fn variable(name: &str) -> String {
    format!("SANDBOX_{}", name.to_ascii_uppercase())
}
