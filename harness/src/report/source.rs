//! Where the documents that rules are cited from can be read.

/// The address of a source as the catalogue cites it, such as `RFC 8414, 3.3`; none for what is no public document of
/// its own.
pub(crate) fn address(source: &str) -> Option<String> {
    let (document, section) = source.split_once(", ").unwrap_or((source, ""));
    if let Some(number) = document.strip_prefix("RFC ").filter(|number| is_number(number)) {
        return Some(format!(
            "https://www.rfc-editor.org/rfc/rfc{number}.html{}",
            anchor("section-", section)
        ));
    }
    let (_, page, prefix) = DOCUMENTS.into_iter().find(|(name, ..)| *name == document)?;
    Some(format!("{page}{}", if prefix.is_empty() { String::new() } else { anchor(prefix, section) }))
}

/// Documents by the name that the catalogue gives them, where they stand, and how their sections are anchored.
const DOCUMENTS: [(&str, &str, &str); 11] = [
    (
        "ID-JAG draft -04",
        "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant-04",
        "section-",
    ),
    (
        "RFC 7523bis draft -11",
        "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc7523bis-11",
        "section-",
    ),
    (
        "JWT DPoP grant draft -01",
        "https://datatracker.ietf.org/doc/html/draft-parecki-oauth-jwt-dpop-grant-01",
        "section-",
    ),
    ("BCP 195", "https://www.rfc-editor.org/info/bcp195", ""),
    ("MCP EMA stable", EMA_STABLE, ""),
    ("MCP EMA", EMA_STABLE, ""),
    (
        "MCP EMA draft of October 2025",
        "https://github.com/modelcontextprotocol/ext-auth/blob/main/specification/draft/enterprise-managed-authorization.mdx",
        "",
    ),
    (
        "MCP authorization 2026-07-28",
        "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization",
        "",
    ),
    (
        "MCP authorization 2025-11-25",
        "https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization",
        "",
    ),
    ("OpenID Connect Core", "https://openid.net/specs/openid-connect-core-1_0.html", ""),
    ("OpenID Connect Discovery", "https://openid.net/specs/openid-connect-discovery-1_0.html", ""),
];

const EMA_STABLE: &str = "https://github.com/modelcontextprotocol/ext-auth/blob/main/specification/stable/enterprise-managed-authorization.mdx";

/// The anchor of a section such as `3.3` or `A.4.2`; nothing where the source names none, or several.
fn anchor(prefix: &str, section: &str) -> String {
    let (first, rest) = section.split_at(section.find('.').unwrap_or(section.len()));
    let rest: Vec<_> = rest.split('.').skip(1).collect();
    let is_letter = first.len() == 1 && first.chars().all(|c| c.is_ascii_uppercase());
    if !(is_number(first) || is_letter) || !rest.iter().all(|part| is_number(part)) {
        return String::new();
    }
    let prefix = if is_letter { prefix.replace("section", "appendix") } else { prefix.to_owned() };
    format!("#{prefix}{section}")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crosscheck_scenarios::Catalogue;

    use super::*;

    #[test]
    fn a_source_leads_to_its_section() {
        let at = |source| address(source).unwrap_or_default();
        assert_eq!(at("RFC 8414, 3.3"), "https://www.rfc-editor.org/rfc/rfc8414.html#section-3.3");
        assert_eq!(at("RFC 6749, appendix B"), "https://www.rfc-editor.org/rfc/rfc6749.html");
        assert!(at("ID-JAG draft -04, A.4.2.4").ends_with("-authz-grant-04#appendix-A.4.2.4"));
        assert!(at("MCP EMA stable, 4").ends_with("/stable/enterprise-managed-authorization.mdx"));
        assert_eq!(at("good practice"), "");
    }

    #[test]
    fn most_sources_of_the_catalogue_have_an_address() {
        let sources: Vec<_> = Catalogue::embedded().iter().flat_map(|row| &row.source).collect();
        let without: Vec<_> = sources.iter().filter(|source| address(source).is_none()).collect();
        assert!(without.len() * 10 < sources.len(), "{without:?}");
    }
}
