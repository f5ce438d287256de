//! A request as text.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Lines of `name: value`, an empty line, and a body. The names that begin with `.` are for the target, all others are headers.
pub(super) struct Sheet {
    lines: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Sheet {
    /// Reads a sheet, and puts what differs from run to run in the place of names in braces, such as `{phone}`.
    pub(super) fn read(bytes: &[u8], names: &[(&str, &str)]) -> Self {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
        let (head, body) = bytes.split_at(end);
        let put = |text: &str| names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        let line = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), put(value.trim())));
        let body = body.get(2..).unwrap_or_default();
        Self {
            lines: String::from_utf8_lossy(head).lines().filter_map(line).collect(),
            body: std::str::from_utf8(body).map_or_else(|_| body.to_vec(), |text| put(text).into_bytes()),
        }
    }

    /// What a line tells the target.
    pub(super) fn told(&self, name: &str) -> Option<&str> {
        let line = self.lines.iter().find(|(line, _)| line.strip_prefix('.') == Some(name))?;
        Some(&line.1)
    }

    /// The headers, as far as they can be any.
    pub(super) fn headers(&self) -> HeaderMap {
        let header = |(name, value): &(String, String)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in self.lines.iter().filter_map(header) {
            headers.append(name, value);
        }
        headers
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
