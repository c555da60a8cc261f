//! Reads a WWW-Authenticate header (RFC 9110 sections 5.6.4, 11.2 and 11.6.1).

use crosscheck_wire::transcript::Exchange;

/// The challenges of an answer, a header each.
pub(super) fn lines(exchange: &Exchange) -> Vec<String> {
    let headers = exchange.response.headers.iter().filter(|header| header.name == "www-authenticate");
    headers.map(|header| header.value.to_string()).collect()
}

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

/// The schemes of the challenges in a header, as they are spelled.
pub(super) fn schemes(header: &str) -> Vec<&str> {
    let mut schemes = Vec::new();
    let mut rest = header;
    loop {
        let element = rest.trim_start_matches([' ', ',', '\t']);
        let word = element.find([' ', ',', '=', '\t']).map_or(element, |end| &element[..end]);
        if word.is_empty() {
            return schemes;
        }
        let behind = element[word.len()..].trim_start_matches([' ', '\t']);
        rest = match behind.strip_prefix('=') {
            Some(after) => {
                let after = after.trim_start();
                &after[value(after).1..]
            }
            None => {
                schemes.push(word);
                behind
            }
        };
    }
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
    fn schemes_are_told_from_parameters() {
        let header = r#"Basic realm="a, Digest x", BEARER scope = "b" , resource_metadata=u,Negotiate"#;
        assert_eq!(schemes(header), ["Basic", "BEARER", "Negotiate"]);
        assert_eq!(schemes(""), Vec::<&str>::new());
        assert_eq!(schemes("= ,=="), Vec::<&str>::new());
        assert_eq!(schemes(r#"Bearer a="é"#), ["Bearer"]);
    }

    #[test]
    fn a_quote_without_end_is_read_to_the_end() {
        assert_eq!(parameter(r#"Bearer scope="é"#, "scope").as_deref(), Some("é"));
        assert_eq!(parameter("Bearer scope=", "scope").as_deref(), Some(""));
    }
}
