//! A form body whose parameters keep their order and their repetitions.
//!
//! `application/x-www-form-urlencoded` as RFC 6749 appendix B has it, and the wrong ways to write one.

use serde_json::{Map, Value};

/// The parameters of one token request.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(&'static str, String)>);

impl Form {
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Takes the parameter out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(index).1)
    }

    pub(crate) fn reverse(&mut self) {
        self.0.reverse();
    }

    /// The body as it should be.
    pub(crate) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// As [`Form::encoded`], with `%20` for blanks and lower-case hex digits.
    pub(crate) fn encoded_in_lower_case(&self) -> String {
        let encoded = self.encoded().replace('+', "%20");
        let mut pieces = encoded.split('%');
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |body, piece| {
            let (hex, rest) = piece.split_at(2);
            body + "%" + &hex.to_ascii_lowercase() + rest
        })
    }

    /// The parameters without any encoding.
    pub(crate) fn raw(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    /// The encoded parameters with nothing between them.
    pub(crate) fn run_together(&self) -> String {
        self.encoded().replace('&', "")
    }

    /// The parameters as a JSON object.
    pub(crate) fn json(&self) -> String {
        let members = self.0.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
        Value::Object(members.collect::<Map<_, _>>()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awkward() -> Form {
        let mut form = Form::default();
        form.add("client_id", "a&b=c d");
        form.add("scope", "x:y");
        form.add("scope", "z");
        form
    }

    #[test]
    fn reserved_characters_are_encoded_and_repetitions_kept() {
        assert_eq!(awkward().encoded(), "client_id=a%26b%3Dc+d&scope=x%3Ay&scope=z");
        assert_eq!(awkward().encoded_in_lower_case(), "client_id=a%26b%3dc%20d&scope=x%3ay&scope=z");
    }

    #[test]
    fn the_wrong_ways_are_wrong() {
        assert_eq!(awkward().raw(), "client_id=a&b=c d&scope=x:y&scope=z");
        assert_eq!(awkward().json(), r#"{"client_id":"a&b=c d","scope":"z"}"#);
    }
}
