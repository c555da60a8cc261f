//! Two values side by side, the difference marked.

use serde::Serialize;

use crate::check::Comparison;
use crate::report::finding::verb;

/// A value expected and seen.
#[derive(Debug, Serialize)]
pub(super) struct Compared<'a> {
    name: &'a str,
    /// What is said of the value: `sent`, `seen` or `says`.
    verb: &'static str,
    expected: Marked<'a>,
    seen: Marked<'a>,
    /// What the mark means, such as `added`; none where the values have nothing in common.
    note: Option<&'static str>,
}

/// A value in three stretches, of which the middle one differs.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(super) struct Marked<'a> {
    before: &'a str,
    differs: &'a str,
    after: &'a str,
}

impl<'a> Compared<'a> {
    /// `in_message` tells whether the values stand in a message.
    pub(super) fn new(comparison: &'a Comparison, in_message: bool) -> Self {
        let Comparison { name, expected, seen } = comparison;
        let (before, after) = in_common(expected, seen);
        let (expected, seen) = (Marked::new(expected, before, after), Marked::new(seen, before, after));
        let note = match (expected.differs.is_empty(), seen.differs.is_empty()) {
            (true, true) => None,
            (true, false) => Some("added"),
            (false, true) => Some("missing"),
            _ if before + after == 0 => None,
            _ => Some("differs"),
        };
        Self { name, verb: verb(comparison, in_message), expected, seen, note }
    }
}

impl<'a> Marked<'a> {
    fn new(text: &'a str, before: usize, after: usize) -> Self {
        let end = text.len() - after;
        Self { before: &text[..before], differs: &text[before..end], after: &text[end..] }
    }
}

/// How many bytes two texts have in common at their beginning and at their end; none where they are not alike.
fn in_common(one: &str, other: &str) -> (usize, usize) {
    let same = |(left, right): &(char, char)| left == right;
    let length = |(c, _): (char, char)| c.len_utf8();
    let before: usize = one.chars().zip(other.chars()).take_while(same).map(length).sum();
    let (rest, other_rest) = (&one[before..], &other[before..]);
    let after: usize = rest.chars().rev().zip(other_rest.chars().rev()).take_while(same).map(length).sum();
    if (before + after) * 2 < one.len().max(other.len()) { (0, 0) } else { (before, after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(expected: &str, seen: &str) -> Vec<String> {
        let (name, expected, seen) = ("audience".to_owned(), expected.to_owned(), seen.to_owned());
        let comparison = Comparison { name, expected, seen };
        let Compared { expected, seen, note, .. } = Compared::new(&comparison, true);
        let mut told: Vec<_> = [expected, seen]
            .map(|Marked { before, differs, after }| format!("{before}[{differs}]{after}"))
            .into();
        told.extend(note.map(str::to_owned));
        told
    }

    #[test]
    fn an_added_slash_alone_is_marked() {
        assert_eq!(compared("http://a", "http://a/"), ["http://a[]", "http://a[/]", "added"]);
        assert_eq!(compared("http://a/", "http://a"), ["http://a[/]", "http://a[]", "missing"]);
    }

    #[test]
    fn what_differs_within_is_marked_between_whole_characters() {
        assert_eq!(compared("«id_jag#1»", "«id_jag#2»"), ["«id_jag#[1]»", "«id_jag#[2]»", "differs"]);
        assert_eq!(compared("läng", "lüng"), ["l[ä]ng", "l[ü]ng", "differs"]);
    }

    #[test]
    fn values_that_are_not_alike_are_marked_whole() {
        assert_eq!(compared("id_token", "jwt"), ["[id_token]", "[jwt]"]);
        assert_eq!(compared("same", "same"), ["same[]", "same[]"]);
    }
}
