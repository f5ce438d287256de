//! Where a person may be sent: here, or to an origin that the application has named.

/// The address, if it leads there and nowhere else.
pub(super) fn checked(text: &str, origins: &[String]) -> Option<String> {
    // Browsers take `\` for `/`, and leave out tabs and line breaks; `//` begins another host.
    let plain = text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let here = text.starts_with('/') && !text.starts_with("//");
    let there =
        || origins.iter().any(|origin| text.strip_prefix(origin.as_str()).is_some_and(|path| path.starts_with('/')));
    (plain && (here || there())).then(|| text.to_owned())
}

/// The origin of an address that was checked, if it is another one.
pub(super) fn origin(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://").filter(|_| !url.starts_with('/'))?;
    let host = rest.split('/').next()?;
    url.get(..url.len() - rest.len() + host.len())
}

/// Bytes; what is longer would not go into a ticket that goes into a URL.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_leads_here_or_where_the_application_says() {
        let origins = ["https://app.example.com".to_owned()];
        for text in
            ["/", "/transfer?to=ada#end", "/a//b", "https://app.example.com/", "https://app.example.com/x?y=//z"]
        {
            assert_eq!(checked(text, &origins).as_deref(), Some(text));
        }
        for text in [
            "",
            "transfer",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/a\r\nb: c",
            "/ a",
            "/ä",
            "https://evil.example/",
            "https://app.example.com",
            "https://app.example.com.evil.example/",
            "https://app.example.com@evil.example/",
            "javascript:alert(1)",
            "http://app.example.com/",
        ] {
            assert_eq!(checked(text, &origins), None, "{text:?}");
        }
        assert_eq!(checked(&format!("/{}", "a".repeat(LONGEST)), &origins), None);
    }

    #[test]
    fn the_origin_is_what_comes_before_the_path() {
        assert_eq!(origin("https://app.example.com:8443/x?y=https://z/"), Some("https://app.example.com:8443"));
        assert_eq!(origin("/x?y=https://z/"), None);
    }
}
