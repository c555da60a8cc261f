//! Values that can be written in several ways, and rules that hold on the command line too.

use std::fmt;
use std::time::Duration;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The words of a command: a list, or one string that is split as a shell would split it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Words(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Words;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a command: a list of words, or one string")
            }

            fn visit_str<E: de::Error>(self, line: &str) -> Result<Words, E> {
                split(line).map(Words).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element::<String>()? {
                    words.push(word);
                }
                match words.first() {
                    Some(program) if !program.is_empty() => Ok(Words(words)),
                    _ => Err(de::Error::custom("the command is empty")),
                }
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// A time limit: a number of seconds, or a string as on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Limit(pub(super) Duration);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Limit;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number of seconds, or a string with the unit s or ms")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
                duration(text).map(Limit).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Limit, E> {
                self.visit_str(&seconds.to_string())
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Limit, E> {
                self.visit_str(&seconds.to_string())
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// Reads a time limit: seconds, or a number with the unit s or ms.
///
/// # Errors
/// When it is none, or not longer than nothing; what is wrong, in words.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        _ => return Err(format!("no unit is called `{unit}`; use s or ms")),
    };
    let seconds = number.parse::<f64>().map_err(|_| "it is no number of seconds".to_owned())? * scale;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("a time limit is longer than nothing".to_owned()),
    }
}

/// The words of a command that is given as one string, split as a shell would split it.
///
/// # Errors
/// When there are none, or a quote is left open; what is wrong, in words.
pub(crate) fn split(line: &str) -> Result<Vec<String>, String> {
    let words = shell_words::split(line).map_err(|_| format!("the quote is not closed: {line}"))?;
    if words.first().is_none_or(String::is_empty) {
        Err("the command is empty".to_owned())
    } else {
        Ok(words)
    }
}

/// Whether a variable of this name and value can be set for a client.
///
/// # Errors
/// When no system takes it, or when the client contract gives it its value; what is wrong, in words.
pub(crate) fn check_variable(name: &str, value: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("`{}` cannot be the name of a variable", name.escape_debug()));
    }
    if value.contains('\0') {
        return Err(format!("the value of `{name}` has a zero byte"));
    }
    let of_contract = |prefix: &&str| name.to_ascii_uppercase().starts_with(prefix);
    if ["MCP_CONFORMANCE_", "CROSSCHECK_"].iter().any(of_contract) {
        return Err(format!(
            "`{name}` belongs to the client contract, which gives such variables their values"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_has_seconds_or_a_unit() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "0", "-1", "soon", "5m"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_command_is_split_as_a_shell_would_split_it() {
        assert_eq!(split("node 'my client.mjs'"), Ok(vec!["node".into(), "my client.mjs".into()]));
        for wrong in ["", "  ", "''", "node 'x"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables_of_the_contract_are_not_set_by_hand() {
        assert_eq!(check_variable("LOG", "debug"), Ok(()));
        for wrong in ["", "A=B", "CROSSCHECK_OUTCOME", "MCP_CONFORMANCE_CONTEXT"] {
            assert!(check_variable(wrong, "x").is_err(), "{wrong}");
        }
        assert!(check_variable("LOG", "\0").is_err());
    }
}
