//! Compares identifiers and URLs as far as the judge forgives (RFC 3986 sections 6.2.2 and 6.2.3).
//!
//! The documents compare characters. What differs in a final slash, a default port or the case of the host alone is
//! a near miss, which servers are known to forgive.

/// Whether two identifiers differ in nothing or by a near miss.
pub(super) fn is_near(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// Whether `wide` is an origin or a parent path of `narrow`, segment by segment.
pub(super) fn is_parent(wide: &str, narrow: &str) -> bool {
    normal(narrow).strip_prefix(&normal(wide)).is_some_and(|rest| rest.starts_with('/'))
        && !origin(wide).is_empty()
}

/// Scheme, host and port of a URL; empty where it has none.
pub(super) fn origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let default = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", host.strip_suffix(default).unwrap_or(&host))
}

/// A URL without its query.
pub(super) fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

fn normal(text: &str) -> String {
    let origin = origin(text);
    let behind = text
        .split_once("://")
        .map_or(text, |(_, rest)| rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]));
    let whole = format!("{origin}{behind}");
    whole.strip_suffix('/').unwrap_or(&whole).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slash_default_port_and_case_of_the_host_are_near_and_nothing_else() {
        for near in ["http://host/x", "http://host:80/x", "http://HOST/x/", "HTTP://host/x"] {
            assert!(is_near(near, "http://host/x"), "{near}");
        }
        for other in ["https://host/x", "http://host/X", "http://host:81/x", "http://host", "http://host/x?"]
        {
            assert!(!is_near(other, "http://host/x"), "{other}");
        }
        assert!(is_near("https://host:443", "https://host/"));
        assert!(is_near("urn:x", "urn:x"));
    }

    #[test]
    fn a_parent_ends_at_a_segment() {
        assert!(is_parent("http://host", "http://host/x"));
        assert!(is_parent("http://host/x/", "http://host/x/y"));
        for other in ["http://host/x", "http://host/xy", "http://other", "urn:x", ""] {
            assert!(!is_parent(other, "http://host/x"), "{other}");
        }
    }
}
