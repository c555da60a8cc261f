//! Reads the official suite's form of a baseline, with the place of every entry.

use std::fmt;
use std::ops::Range;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Error, Location, Spanned};

use crosscheck_scenarios::{Problem, nearest, problem_in};

/// A file, whose entries are unchecked. An empty one lists nothing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) client: Option<Vec<Spanned<Item>>>,
    pub(super) server: Option<Vec<Spanned<Item>>>,
}

/// An element of a list.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Item {
    /// `- a: b`
    Mapping,
    /// Anything else.
    Other,
    /// `- a`
    Word(String),
}

/// Reads the `text` of a file called `name`.
///
/// # Errors
/// When it is no YAML or has another form.
pub(super) fn read(name: &str, text: &str) -> Result<File, Problem> {
    let file: Option<File> = serde_saphyr::from_str(text).map_err(|error| malformed(name, text, &error))?;
    Ok(file.unwrap_or_default())
}

/// A problem at a place that the reader tells.
pub(super) fn problem(
    name: &str,
    text: &str,
    location: Option<Location>,
    what: String,
    hint: Option<String>,
) -> Problem {
    problem_in(name, text, location.and_then(|location| bytes(text, location)), what, hint)
}

/// The bytes of `text` at a place that the reader tells.
pub(super) fn bytes(text: &str, location: Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start + usize::try_from(span.byte_len()?).ok()?;
    Some(start..end.min(text.len()))
}

fn malformed(name: &str, text: &str, error: &Error) -> Problem {
    let form = "the form is two lists, `client` and `server`, of SCENARIO or SCENARIO:CHECK";
    let (what, hint) = match error.without_snippet() {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map(|key| format!(" `{key}`")).unwrap_or_default();
            (format!("the key{key} stands twice"), None)
        }
        Error::MultipleDocuments { .. } => ("a second YAML document begins".into(), None),
        Error::SerdeUnknownField { field, expected, .. } => {
            let near = nearest(field, expected.iter().copied());
            let hint = near.map_or_else(|| form.to_owned(), |near| format!("did you mean `{near}`?"));
            (format!("unknown key `{field}`"), Some(hint))
        }
        Error::Unexpected { expected, .. } => (format!("expected {expected}"), Some(form.into())),
        other => {
            let said = other.to_string();
            let said = said.lines().next().unwrap_or_default();
            // The place is told in our own way.
            (said.split(" at line ").next().unwrap_or_default().to_owned(), None)
        }
    };
    problem(name, text, error.location(), what, hint)
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyItem)
    }
}

/// Takes whatever stands in a list, so that what is wrong with it is told beside everything else that is.
struct AnyItem;

impl<'de> Visitor<'de> for AnyItem {
    type Value = Item;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a scenario")
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Word(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Item::Mapping)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Item, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Item::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
        Ok(Item::Other)
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Other)
    }
}
