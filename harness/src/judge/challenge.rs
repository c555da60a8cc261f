//! Reads a parameter of a WWW-Authenticate header (RFC 9110 sections 5.6.4 and 11.2).

/// The value of the first parameter called `name`, in whichever challenge of the header it stands.
pub(super) fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header;
    while let Some(at) = rest.find('=') {
        let (before, after) = (rest[..at].trim_end(), rest[at + 1..].trim_start());
        let word = before.rsplit([' ', ',', '\t']).next().unwrap_or_default();
        let (value, end) = value(after);
        if word.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = &after[end..];
    }
    None
}

/// A token or a quoted string, unescaped, and where it ends.
fn value(text: &str) -> (String, usize) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), end);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, at + 2),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_behind_other_challenges_and_quotes() {
        let header =
            r#"Basic realm="a, scope=b", Bearer error="x \" y", Scope = "files:read",resource_metadata=u"#;
        assert_eq!(parameter(header, "scope").as_deref(), Some("files:read"));
        assert_eq!(parameter(header, "error").as_deref(), Some("x \" y"));
        assert_eq!(parameter(header, "resource_metadata").as_deref(), Some("u"));
        assert_eq!(parameter(header, "meta"), None);
    }

    #[test]
    fn a_quote_without_end_is_read_to_the_end() {
        assert_eq!(parameter(r#"Bearer scope="é"#, "scope").as_deref(), Some("é"));
        assert_eq!(parameter("Bearer scope=", "scope").as_deref(), Some(""));
    }
}
