//! How text, numbers and times are shown, the same everywhere.

use std::time::Duration;

use crosscheck_scenarios::EndpointName;

/// Text on one line, with what would move the cursor, turn the reading direction or not be seen escaped.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if is_treacherous(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A line of the client's output, printable, and no command to a CI system that reads them from a job's log: GitHub
/// Actions takes `::error` behind blanks too, and `##[` anywhere; Azure Pipelines `##vso[`.
pub(crate) fn quoted(line: &str) -> String {
    let line = printable(line).replace("##[", r"##\[").replace("##vso[", r"##\vso[");
    match line.trim_start() {
        command if command.starts_with("::") => line.replacen("::", r"\::", 1),
        _ => line,
    }
}

/// Whether a character moves the cursor, turns the reading direction or is not seen.
pub(crate) fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

/// The beginning of a text of more than `most` characters, at least one, on one line.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// A number and its noun, in the plural where it is not one.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What people call an endpoint.
pub(crate) fn endpoint_name(endpoint: EndpointName) -> &'static str {
    match endpoint {
        EndpointName::Authorization => "authorization endpoint",
        EndpointName::Jwks => "keys",
        EndpointName::Mcp => "MCP endpoint",
        EndpointName::OauthMetadata => "OAuth metadata",
        EndpointName::OpenidMetadata => "OpenID metadata",
        EndpointName::Registration => "registration endpoint",
        EndpointName::ResourceMetadata => "resource metadata",
        EndpointName::Token => "token endpoint",
        EndpointName::Unknown => "unknown path",
    }
}

/// Such as `12.9 s`.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// Such as `12.9 ms`.
pub(crate) fn milliseconds(micros: u64) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_line_is_no_command_to_a_ci_system() {
        for (line, safe) in [
            ("  ::error::x", r"  \::error::x"),
            ("\t::x", r"\t::x"),
            ("a ##[error]x", r"a ##\[error]x"),
            ("##vso[task.complete]", r"##\vso[task.complete]"),
            ("std::io, ::1", "std::io, ::1"),
        ] {
            assert_eq!(quoted(line), safe);
        }
    }

    #[test]
    fn what_deceives_a_reader_is_escaped() {
        assert_eq!(printable("plain «text»\n"), "plain «text»\\n");
        assert_eq!(printable("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        for c in
            ['\u{61c}', '\u{200b}', '\u{200d}', '\u{202e}', '\u{2028}', '\u{2029}', '\u{2066}', '\u{feff}']
        {
            assert_eq!(printable(&c.to_string()), c.escape_default().to_string());
        }
    }

    #[test]
    fn one_is_not_in_the_plural() {
        assert_eq!([0, 1, 2].map(|number| count(number, "run")), ["0 runs", "1 run", "2 runs"]);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!([4, 3].map(|most| shortened("äöüß", most)), ["äöüß", "äö…"]);
    }
}
