//! Parts of a run that several machines share out without speaking to each other.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crosscheck_scenarios::ScenarioId;

/// One of several parts, nearly equal in size, into which scenarios fall by their ids alone.
///
/// The parts are the same on every platform and in every version, and a new scenario moves no other. In text, and in
/// JSON, it is `2/3`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: NonZeroU32,
    count: NonZeroU32,
}

impl Shard {
    /// Part `index`, counted from 1, of `count`.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn new(index: u32, count: u32) -> Result<Self, ShardError> {
        match (NonZeroU32::new(index), NonZeroU32::new(count)) {
            (_, None) => Err(ShardError::NoParts),
            (Some(index), Some(count)) if index <= count => Ok(Self { index, count }),
            _ => Err(ShardError::NoSuchPart { index, count }),
        }
    }

    /// Which part it is, counted from 1.
    pub fn index(self) -> u32 {
        self.index.get()
    }

    /// How many parts there are.
    pub fn count(self) -> u32 {
        self.count.get()
    }

    /// Whether the scenario is in this part.
    pub fn holds(self, scenario: &ScenarioId) -> bool {
        self.holds_id(scenario.as_str())
    }

    pub(super) fn holds_id(self, id: &str) -> bool {
        let hash = fnv_1a(id.as_bytes());
        // The lower bits of this hash know little of the upper ones; its authors ask to fold it.
        let folded = (hash >> 32) ^ (hash & u64::from(u32::MAX));
        folded % u64::from(self.count()) == u64::from(self.index() - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, count) = text.split_once('/').ok_or(ShardError::Form)?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let number = |text: &str| {
            let number = text.parse().ok().filter(|_| is_number(text));
            number.ok_or(ShardError::Form)
        };
        Self::new(number(index)?, number(count)?)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

/// FNV-1a with 64 bits (draft-eastlake-fnv), which is a few lines and will never change.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Why a text is no shard.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ShardError {
    /// It has another form.
    #[error("a shard is written I/N, such as 2/3")]
    Form,
    /// It is a part of none.
    #[error("there is no shard of 0; N is at least 1")]
    NoParts,
    /// It is before the first part, or behind the last.
    #[error("there is no shard {index} of {count}; I counts from 1 to {count}")]
    NoSuchPart {
        /// The part.
        index: u32,
        /// How many there are.
        count: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash, and with it every shard, is that of the published test vectors.
    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn an_id_is_in_one_shard_and_stays_there() {
        let shard_of = |id: &str, count| {
            let holds = |index: &u32| Shard::new(*index, count).unwrap().holds(&ScenarioId::new(id));
            let shards: Vec<_> = (1..=count).filter(holds).collect();
            let [shard] = shards[..] else { panic!("{id} is in {shards:?}") };
            shard
        };
        // Runs of different versions are merged, so these numbers may never change.
        let placed = ["flow/complete", "discovery/issuer-without-path", "errors/idp/regular/plain"]
            .map(|id| [1, 2, 3, 8, 1000].map(|count| shard_of(id, count)));
        assert_eq!(placed, [[1, 1, 1, 1, 153], [1, 2, 1, 2, 730], [1, 1, 2, 7, 903]]);
    }

    #[test]
    fn scenarios_that_differ_in_their_last_letter_are_spread() {
        let first = Shard::new(1, 4).unwrap();
        let held = (b'a'..=b'z').filter(|letter| first.holds_id(&format!("mine/{}", char::from(*letter))));
        assert!((3..=10).contains(&held.count()));
    }

    #[test]
    fn a_shard_is_written_as_it_is_read() {
        let shard: Shard = "2/3".parse().unwrap();
        assert_eq!((shard.index(), shard.count(), shard.to_string()), (2, 3, "2/3".into()));
        assert_eq!(serde_json::to_string(&shard).unwrap(), "\"2/3\"");
        assert_eq!(serde_json::from_str::<Shard>("\"2/3\"").unwrap(), shard);
        assert!(serde_json::from_str::<Shard>("\"4/3\"").is_err());
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for form in ["", "1", "a/b", "1/", "/3", "1/2/3", "-1/3", "1.5/3", " 1/3", "+1/3"] {
            assert_eq!(form.parse::<Shard>(), Err(ShardError::Form), "{form}");
        }
        assert_eq!("0/0".parse::<Shard>(), Err(ShardError::NoParts));
        for (index, count) in [(0, 3), (4, 3)] {
            let error = ShardError::NoSuchPart { index, count };
            assert_eq!(format!("{index}/{count}").parse::<Shard>(), Err(error));
        }
    }
}
