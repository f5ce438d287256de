//! The files that a sandbox reads and writes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use axum::body::{Body, to_bytes};
use http::Request;
use serde_json::{Map, Value};
use tower::ServiceExt;

use super::card::variable;
use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::{Credentials, Sandbox},
};

/// The credentials of a file, and of the environment where the file has none.
pub(super) fn credentials(path: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> Result<Credentials> {
    let mut credentials = Credentials::default();
    for name in Credentials::NAMES {
        let variable = variable(name);
        if let Some(value) = environment(&variable) {
            let wrong = |wrong| Error::new(ErrorKind::InvalidInput, format!("the variable `{variable}`: {wrong}"));
            credentials.set(name, value).map_err(wrong)?;
        }
    }
    if let Some(path) = path {
        let text = read(path)?;
        for (place, line) in text.lines().enumerate() {
            set(&mut credentials, line)
                .map_err(|wrong| unusable(path, format!("line {}: {wrong}", place.saturating_add(1))))?;
        }
    }
    Ok(credentials)
}

/// Takes a line of a file: as `--format plain` writes it, or as people write it in `.env` files.
fn set(credentials: &mut Credentials, line: &str) -> Result<()> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let invalid = |message: String| Error::new(ErrorKind::InvalidInput, message);
    let (name, value) = line
        .strip_prefix("export ")
        .unwrap_or(line)
        .split_once('=')
        .ok_or_else(|| invalid("a line is `SANDBOX_NUMCHECK_TOKEN=value`, a comment or empty".to_owned()))?;
    let (name, value) = (name.trim(), value.trim());
    if name.starts_with("SANDBOX_") && name.ends_with("URL") {
        // What `--format plain` writes is read back; where to listen is said elsewhere.
        return Ok(());
    }
    let known = Credentials::NAMES.into_iter().find(|known| variable(known) == name).ok_or_else(|| {
        let known = Credentials::NAMES.map(variable).join("`, `");
        invalid(format!("`{name}` is no credential of the sandbox: these are `{known}`"))
    })?;
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    credentials.set(known, quoted('"').or_else(|| quoted('\'')).unwrap_or(value))
}

/// Knobs to turn at the start.
#[derive(Debug, Default)]
pub(super) struct KnobFile {
    path: PathBuf,
    /// Bodies of `PUT /knobs`, and the name of the scope that each is for.
    orders: Vec<(String, Value)>,
}

impl KnobFile {
    /// Reads what `GET /knobs` shows. What the knobs themselves are is seen when they are turned.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let orders = serde_json::from_str(&text).map_err(|wrong| wrong.to_string()).and_then(orders);
        let orders = orders.map_err(|wrong| unusable(path, format!("{wrong}; knobs are written like {SHAPE}")))?;
        Ok(Self { path: path.to_owned(), orders })
    }

    /// Turns them, as a client would, so that the two ways never differ in what they take.
    pub(super) async fn turn(&self, sandbox: &Sandbox) -> Result<()> {
        for (scope, order) in &self.orders {
            if let Some(wrong) = put(sandbox, order).await? {
                return Err(unusable(&self.path, format!("`{scope}`: {wrong}")));
            }
        }
        Ok(())
    }
}

/// Sends an order, and gives what is wrong with it.
async fn put(sandbox: &Sandbox, order: &Value) -> Result<Option<String>> {
    let request = Request::put("/knobs").body(Body::from(order.to_string())).map_err(broken)?;
    let answer = match sandbox.router().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    if answer.status().is_success() {
        return Ok(None);
    }
    let body = to_bytes(answer.into_body(), LONGEST).await.map_err(broken)?;
    let problem: Value = serde_json::from_slice(&body).map_err(broken)?;
    Ok(Some(problem.get("detail").and_then(Value::as_str).unwrap_or("refused").to_owned()))
}

fn broken(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Unavailable, "the sandbox does not take knobs").with_source(source)
}

/// The bodies of `PUT /knobs` for what `GET /knobs` shows.
fn orders(shown: Map<String, Value>) -> Result<Vec<(String, Value)>, String> {
    let mut orders = Vec::new();
    for (scopes, value) in shown {
        let one = match scopes.as_str() {
            "all" => {
                orders.push((scopes, Value::Object(object("all", value)?)));
                continue;
            }
            "numbers" => "number",
            "vendors" => "vendor",
            other => return Err(format!("`{other}` is none of `all`, `numbers` and `vendors`")),
        };
        for (name, knobs) in object(&scopes, value)? {
            let mut order = object(&name, knobs)?;
            order.insert(one.to_owned(), Value::String(name.clone()));
            orders.push((name, Value::Object(order)));
        }
    }
    Ok(orders)
}

fn object(name: &str, value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(format!("`{name}` is no JSON object")),
    }
}

/// A file for shells, which is there while the sandbox runs.
#[derive(Debug)]
pub(super) struct EnvFile(PathBuf);

impl EnvFile {
    /// Makes sure that nobody loses what is there.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        let ours = |line: &str| line.is_empty() || line.starts_with("SANDBOX_");
        match fs::read_to_string(&path) {
            Ok(text) if !text.lines().all(ours) => {
                Err(unusable(&path, "it has other lines than a sandbox's, and would be overwritten: name another file"))
            }
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(unusable(&path, "it cannot be read").with_source(source))
            }
            _ => Ok(Self(path)),
        }
    }

    /// Writes it. It appears whole or not at all, so that who waits for it can read it.
    pub(super) fn write(self, lines: &str) -> Result<WrittenEnvFile> {
        let mut part = self.0.clone().into_os_string();
        part.push(".part");
        fs::write(&part, lines)
            .and_then(|()| fs::rename(&part, &self.0))
            .map_err(|source| unusable(&self.0, "it cannot be written").with_source(source))?;
        Ok(WrittenEnvFile { path: self.0, lines: lines.to_owned() })
    }
}

/// An [`EnvFile`] that is there. Dropping it removes it.
#[derive(Debug)]
pub(super) struct WrittenEnvFile {
    path: PathBuf,
    lines: String,
}

impl Drop for WrittenEnvFile {
    fn drop(&mut self) {
        // Another sandbox may have the file by now.
        if fs::read_to_string(&self.path).is_ok_and(|lines| lines == self.lines) {
            // It has served; one that stays harms nobody.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| unusable(path, "it cannot be read").with_source(source))
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the file `{}`: {why}", path.display()))
}

const SHAPE: &str = r#"{"all": {"latency": 250}, "numbers": {"+37126123456": {"not_answered": true}}}"#;

/// The longest answer about knobs.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn lines_are_read_as_shells_write_them() {
        let mut credentials = Credentials::default();
        for line in [
            "",
            "# a comment",
            "SANDBOX_URL=http://127.0.0.1:1",
            "SANDBOX_NUMCHECK_URL=http://127.0.0.1:1/numcheck",
            "SANDBOX_NUMCHECK_TOKEN=one",
            "export SANDBOX_ZADARMA_KEY='two'",
            "  SANDBOX_ZADARMA_SECRET = \"three\" ",
        ] {
            set(&mut credentials, line).unwrap();
        }
        let read = [&credentials.numcheck_token, &credentials.zadarma_key, &credentials.zadarma_secret];
        assert_eq!(read.map(|field| field.as_ref().unwrap().expose()), ["one", "two", "three"]);
        for bad in ["NUMCHECK_TOKEN=one", "SANDBOX_NUMCHECK_TOKEN", "SANDBOX_NUMCHECK_TOKEN=$ONE", "SANDBOX_NUMCHECK=a"]
        {
            assert!(set(&mut credentials, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_environment_gives_what_no_file_gives() {
        let credentials =
            credentials(None, |name| (name == "SANDBOX_CITCALL_API_KEY").then(|| "one".to_owned())).unwrap();
        assert_eq!(credentials.citcall_api_key.unwrap().expose(), "one");
        assert!(credentials.numcheck_token.is_none());
        assert!(super::credentials(Some(Path::new("/no/such/file")), nothing).is_err());
    }

    #[test]
    fn what_is_shown_becomes_what_is_put() {
        let read = |shown: Value| serde_json::from_value(shown).map_err(|_| String::new()).and_then(orders);
        let shown =
            json!({ "all": { "html": true }, "numbers": { "+371": { "latency": 1 } }, "vendors": { "citcall": {} } });
        assert_eq!(
            read(shown).unwrap(),
            [
                ("all".to_owned(), json!({ "html": true })),
                ("+371".to_owned(), json!({ "latency": 1, "number": "+371" })),
                ("citcall".to_owned(), json!({ "vendor": "citcall" })),
            ]
        );
        assert_eq!(read(json!({})).unwrap(), []);
        for bad in [json!({ "latency": 250 }), json!({ "all": 1 }), json!({ "numbers": { "+371": true } }), json!([])] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
