//! Paths of requests and of routes, compared by their segments.

/// The segments of a path, decoded, without its query; a slash at the end is none. What could be read in two ways is an error.
pub(super) fn segments(uri: &str) -> Result<Vec<String>, &'static str> {
    let path = uri.split_once('?').map_or(uri, |(path, _)| path);
    let below = path.strip_prefix('/').ok_or("the path does not begin with `/`")?;
    let below = below.strip_suffix('/').unwrap_or(below);
    if below.is_empty() && path.len() < 2 {
        return Ok(Vec::new());
    }
    below.split('/').map(segment).collect()
}

fn segment(written: &str) -> Result<String, &'static str> {
    let (mut decoded, mut bytes) = (Vec::with_capacity(written.len()), written.bytes());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => hex(bytes.next()).zip(hex(bytes.next())).map(|(high, low)| high * 16 + low).ok_or(NO_ENCODING)?,
            plain => plain,
        };
        if byte.is_ascii_control() || AMBIGUOUS.contains(&byte) {
            return Err("the path has a character that servers read in different ways");
        }
        decoded.push(byte);
    }
    match String::from_utf8(decoded).map_err(|_| "the path is no UTF-8")?.as_str() {
        "" => Err("the path has an empty segment"),
        "." | ".." => Err("the path has a dot segment"),
        segment => Ok(segment.to_owned()),
    }
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// What a route lists: `/transfer`, `/accounts/*/close`, `/admin/**`.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    /// Whether whatever is below is listed, too.
    and_below: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Exactly(String),
    Anything,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(['?', '#']) {
            return Err("a path has neither query nor fragment: the query decides nothing");
        }
        let (path, and_below) = match text.strip_suffix("/**") {
            Some("") => ("/", true),
            Some(path) => (path, true),
            None => (text, false),
        };
        let pieces = segments(path)?.into_iter().map(|segment| match segment.as_str() {
            "*" => Ok(Piece::Anything),
            part if part.contains('*') => {
                Err("`*` stands for a whole segment, and `**` for all that is below, at the end")
            }
            _ => Ok(Piece::Exactly(segment)),
        });
        Ok(Self { pieces: pieces.collect::<Result<_, _>>()?, and_below })
    }

    pub(super) fn matches(&self, path: &[String], fold_case: bool) -> bool {
        let is_length = path.len() == self.pieces.len() || self.and_below && path.len() > self.pieces.len();
        is_length
            && self.pieces.iter().zip(path).all(|(piece, segment)| match piece {
                Piece::Anything => true,
                Piece::Exactly(text) if fold_case => text.eq_ignore_ascii_case(segment),
                Piece::Exactly(text) => text == segment,
            })
    }
}

const NO_ENCODING: &str = "the path has a `%` that encodes nothing";

/// A slash here was encoded. `%` would be decoded once more by some, `;` begins a parameter for some.
const AMBIGUOUS: &[u8] = b"/\\%;?#";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_decoded_once() {
        for (uri, read) in [
            ("/", vec![]),
            ("/transfer", vec!["transfer"]),
            ("/transfer/", vec!["transfer"]),
            ("/transfer?a=/../b", vec!["transfer"]),
            ("/%74ransfer", vec!["transfer"]),
            ("/a/b.c/d%20e", vec!["a", "b.c", "d e"]),
            ("/caf%C3%A9", vec!["café"]),
            ("/...", vec!["..."]),
        ] {
            assert_eq!(segments(uri).unwrap(), read, "{uri}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for uri in [
            "",
            "transfer",
            "*",
            "http://other/transfer",
            "//",
            "//transfer",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e%2e/b",
            "/a/.%2E",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%252fb",
            "/a%00",
            "/a%0d%0ab",
            "/a;b=c",
            "/a%3bb",
            "/a%3fb",
            "/a%23b",
            "/a#b",
            "/%ff",
            "/%c0%af",
            "/a\u{7f}",
        ] {
            assert!(segments(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn patterns_list_what_they_say() {
        let matches =
            |pattern: &str, uri: &str| Pattern::parse(pattern).unwrap().matches(&segments(uri).unwrap(), true);
        for (pattern, listed, others) in [
            ("/", &["/", "/?a"][..], &["/a"][..]),
            ("/**", &["/", "/a", "/a/b"], &[]),
            (
                "/transfer",
                &["/transfer", "/transfer/", "/Transfer", "/%54RANSFER"],
                &["/", "/transfers", "/transfer/1"],
            ),
            ("/transfer/**", &["/transfer", "/transfer/", "/transfer/1/2"], &["/transfers", "/a/transfer"]),
            ("/accounts/*/close", &["/accounts/1/close"], &["/accounts/close", "/accounts/1/2/close", "/accounts/1"]),
        ] {
            assert!(listed.iter().all(|uri| matches(pattern, uri)), "{pattern}");
            assert!(!others.iter().any(|uri| matches(pattern, uri)), "{pattern}");
        }
        for bad in ["", "transfer", "/a*", "/**/b", "/a/../b", "//", "/a?b", "/a%2fb", "**"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        let exact = Pattern::parse("/health").unwrap();
        assert!(exact.matches(&["health".to_owned()], false) && !exact.matches(&["Health".to_owned()], false));
    }

    proptest! {
        #[test]
        fn a_path_that_is_read_holds_nothing_that_could_lead_elsewhere(uri in "/?([a-z./%;\\\\?#]|%2[EFef5]|%5c|%00){0,12}") {
            if let Ok(read) = segments(&uri) {
                prop_assert!(read.iter().all(|part| !part.is_empty() && !matches!(part.as_str(), "." | "..")));
                prop_assert!(read.iter().all(|part| !part.contains(['/', '\\', '%', ';', '?', '#', '\0'])));
            }
        }

        #[test]
        fn however_a_path_is_encoded_it_is_the_same(parts in prop::collection::vec("[a-zA-Z0-9_~é-]{1,8}", 1..4)) {
            let plain = parts.join("/");
            let encoded: String = plain.bytes().map(|b| if b == b'/' { "/".to_owned() } else { format!("%{b:02x}") }).collect();
            prop_assert_eq!(segments(&format!("/{encoded}")).unwrap(), parts);
        }
    }
}
