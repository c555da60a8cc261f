//! Finds minted values in recorded text, in every form in which they can leak.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem::Finder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::close::KEPT;
use crate::form;
use crate::jose;
use crate::ledger::{Minted, ValueKind};
use crate::text::{Alteration, Encoding, Part, Text};

/// Knows the values of a run.
pub(crate) struct Namer {
    values: Vec<Minted>,
    needles: Vec<Needle>,
}

struct Needle {
    finder: Finder<'static>,
    value: usize,
    /// The form; `None` for the beginning of a value, which may stand there without the rest.
    encoding: Option<Encoding>,
}

impl Namer {
    pub(crate) fn new(values: Vec<Minted>) -> Self {
        let needles =
            values.iter().enumerate().flat_map(|(index, minted)| {
                let forms = forms(minted).into_iter().map(|(text, encoding)| (text, Some(encoding)));
                let is_secret = minted.facts.kind != ValueKind::Identifier;
                let beginning = minted.value.get(..BEGINNING).filter(|_| is_secret);
                forms.chain(beginning.map(|text| (text.to_owned(), None))).map(move |(text, encoding)| {
                    Needle { finder: Finder::new(text.as_bytes()).into_owned(), value: index, encoding }
                })
            });
        let needles = needles.collect();
        Self { values, needles }
    }

    /// A value that stands alone, such as a parameter: exact, or a near miss, or text that holds values.
    pub(crate) fn whole(&self, text: &str) -> Text {
        if let Some(minted) = self.exact(text) {
            return Text::value(&minted.facts.name);
        }
        let near =
            self.values.iter().find_map(|minted| alteration(&minted.value, text).map(|how| (minted, how)));
        match near {
            Some((minted, how)) => {
                Text::from_parts(vec![Part::Altered { value: minted.facts.name.clone(), how }])
            }
            None => self.within(text),
        }
    }

    /// One part of Basic credentials as it stood inside the base64.
    pub(crate) fn basic_part(&self, raw: &str) -> Text {
        let decoded = form::decode(raw);
        let by = |text: &str| self.exact(text).map(|minted| minted.facts.name.clone());
        if let Some(name) = decoded.as_deref().and_then(by) {
            return Text::value(name);
        }
        let twice = decoded.as_deref().and_then(form::decode);
        let altered = match (by(raw), twice.as_deref().and_then(by)) {
            (Some(value), _) => Some((value, Alteration::NotEncoded)),
            (None, Some(value)) => Some((value, Alteration::EncodedTwice)),
            (None, None) => None,
        };
        match altered {
            Some((value, how)) => Text::from_parts(vec![Part::Altered { value, how }]),
            None => self.whole(decoded.as_deref().unwrap_or(raw)),
        }
    }

    /// Text in which values may stand anywhere.
    pub(crate) fn within(&self, text: &str) -> Text {
        if text.len() < SHORTEST {
            return Text::plain(text);
        }
        let mut found: Vec<_> = self
            .needles
            .iter()
            .flat_map(|needle| {
                let found = needle.finder.find_iter(text.as_bytes());
                found.filter_map(move |at| Some((at, self.length(needle, &text.as_bytes()[at..])?, needle)))
            })
            .collect();
        found.sort_by_key(|&(at, length, _)| (at, usize::MAX - length));
        let mut parts = Vec::new();
        let mut end = 0;
        for (at, length, needle) in found {
            // Needles are ASCII where they can start inside a character; a match elsewhere is no match.
            if at < end || !text.is_char_boundary(at) || !text.is_char_boundary(at + length) {
                continue;
            }
            unknown_tokens(&text[end..at], &mut parts);
            let name = self.values[needle.value].facts.name.clone();
            parts.push(match needle.encoding {
                Some(encoding) => Part::Value { name, encoding },
                None => Part::Altered { value: name, how: Alteration::Cut },
            });
            end = at + length;
        }
        unknown_tokens(&text[end..], &mut parts);
        Text::from_parts(parts)
    }

    /// How much of `text`, which begins with the needle, is the value's. A beginning counts only where it ends like a
    /// value cut short: tokens begin alike, and one of another run has more behind what they share.
    fn length(&self, needle: &Needle, text: &[u8]) -> Option<usize> {
        if needle.encoding.is_some() {
            return Some(needle.finder.needle().len());
        }
        let value = self.values[needle.value].value.as_bytes();
        let common = value.iter().zip(text).take_while(|(one, other)| one == other).count();
        let goes_on =
            text.get(common).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        (!goes_on).then_some(common)
    }

    /// JSON with the values in its strings and member names replaced by `«name»`; a long string is cut, and what is
    /// nested too deep is null.
    pub(crate) fn json(&self, value: &Value) -> Value {
        self.nested(value, DEPTH)
    }

    /// The same for an object.
    pub(crate) fn object(&self, members: &Map<String, Value>) -> Map<String, Value> {
        self.members(members, DEPTH)
    }

    fn nested(&self, value: &Value, depth: usize) -> Value {
        match value {
            Value::String(text) => {
                Value::String(self.within(&text[..text.floor_char_boundary(KEPT)]).to_string())
            }
            Value::Array(_) | Value::Object(_) if depth == 0 => Value::Null,
            Value::Array(items) => items.iter().map(|item| self.nested(item, depth - 1)).collect(),
            Value::Object(members) => Value::Object(self.members(members, depth)),
            other => other.clone(),
        }
    }

    fn members(&self, members: &Map<String, Value>, depth: usize) -> Map<String, Value> {
        let named =
            |(name, value): (&String, &Value)| (self.within(name).to_string(), self.nested(value, depth - 1));
        members.iter().map(named).collect()
    }

    /// What is known of the value that `text` is.
    pub(crate) fn exact(&self, text: &str) -> Option<&Minted> {
        self.values.iter().find(|minted| minted.value == text)
    }
}

/// Every form of a value that is searched for.
fn forms(minted: &Minted) -> Vec<(String, Encoding)> {
    let value = minted.value.as_str();
    let mut forms = vec![(value.to_owned(), Encoding::Raw)];
    let form_encoded = form::encode(value);
    let percent = [
        form_encoded.replace('+', "%20"),
        utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
        lower_hex(&form_encoded),
        lower_hex(&form_encoded.replace('+', "%20")),
        form_encoded,
    ];
    if value.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !b"-_.~*".contains(&byte)) {
        forms.extend(percent.map(|text| (text, Encoding::Percent)));
    } else {
        forms.push((percent[1].clone(), Encoding::Percent));
    }
    let quoted = Value::from(value).to_string();
    let escaped = &quoted[1..quoted.len() - 1];
    forms.push((escaped.to_owned(), Encoding::JsonEscaped));
    forms.push((escaped.replace('/', "\\/"), Encoding::JsonEscaped));
    if minted.facts.kind != ValueKind::Identifier {
        forms.extend(base64_forms(value).map(|text| (text, Encoding::Base64)));
        let lower = hex(value.as_bytes());
        forms.extend([lower.to_ascii_uppercase(), lower].map(|text| (text, Encoding::Hex)));
    }
    if let Some([_, payload, _]) = jose::parts(value) {
        forms.push((payload.to_owned(), Encoding::JwtPayload));
    }
    let mut seen = HashSet::new();
    forms.retain(|(text, _)| text.len() >= SHORTEST && seen.insert(text.clone()));
    forms
}

/// Levels of arrays and objects that are kept: a saved transcript, in which they lie some levels down, is read to 127.
const DEPTH: usize = 100;

/// Forms shorter than that would be found by chance.
const SHORTEST: usize = 12;

/// Bytes of a secret that are looked for where the rest is missing.
const BEGINNING: usize = 24;

/// The text with the hex digits of its escapes in lower case.
fn lower_hex(text: &str) -> String {
    let mut lowered = text.to_owned();
    for (at, _) in text.match_indices('%') {
        if let Some(digits) = text.get(at + 1..at + 3) {
            lowered.replace_range(at + 1..at + 3, &digits.to_ascii_lowercase());
        }
    }
    lowered
}

/// base64 of `value` at each of the three alignments it can have inside longer text, without the characters
/// that its neighbours share.
fn base64_forms(value: &str) -> impl Iterator<Item = String> {
    (0..3_usize).flat_map(move |offset| {
        let bytes = [&vec![0; offset], value.as_bytes()].concat();
        let range = (offset * 8).div_ceil(6)..(bytes.len() * 8) / 6;
        [
            STANDARD_NO_PAD.encode(&bytes)[range.clone()].to_owned(),
            URL_SAFE_NO_PAD.encode(&bytes)[range].to_owned(),
        ]
    })
}

/// How `text` differs from `value` when it was clearly meant to be it.
fn alteration(value: &str, text: &str) -> Option<Alteration> {
    let without_space = |text: &str| text.split_whitespace().collect::<String>();
    let read = |raw: &str| {
        form_urlencoded::parse(format!("v={raw}").as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    if read(value).as_deref() == Some(text) {
        return Some(Alteration::NotEncoded);
    }
    if form::decode(text).as_deref() == Some(value) {
        return Some(Alteration::EncodedTwice);
    }
    if without_space(text) == without_space(value) {
        return Some(Alteration::Whitespace);
    }
    if let (Some([header, claims, _]), Some([meant_header, meant_claims, _])) =
        (jose::parts(text), jose::parts(value))
        && (header, claims) == (meant_header, meant_claims)
    {
        return Some(Alteration::Signature);
    }
    if value.starts_with(text) && text.len() >= 64 && text.len() * 8 >= value.len() {
        return Some(Alteration::Cut);
    }
    let common = value.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
    let enough = common * 4 >= value.len() * 3 && text.len().abs_diff(value.len()) * 4 <= value.len();
    enough.then_some(Alteration::Changed)
}

/// Splits `text` into plain stretches and things shaped like a JWT.
fn unknown_tokens(text: &str, parts: &mut Vec<Part>) {
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
        let token = rest[at..].split(|c| !legal(c)).next().unwrap_or_default();
        let skip = if token.len() >= 40 && token.matches('.').count() >= 2 {
            parts.push(Part::Plain(rest[..at].to_owned()));
            parts.push(Part::Unknown { digest: short_digest(token), bytes: token.len() });
            at + token.len()
        } else {
            parts.push(Part::Plain(rest[..at + token.len()].to_owned()));
            at + token.len()
        };
        rest = &rest[skip..];
    }
    parts.push(Part::Plain(rest.to_owned()));
}

fn short_digest(text: &str) -> String {
    hex(&digest(&SHA256, text.as_bytes()).as_ref()[..6])
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
