//! What the judge says: one check a requirement, and the finding behind it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crosscheck_scenarios::{Party, RequirementId};

/// The verdict on one requirement in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The requirement.
    pub requirement: RequirementId,
    /// The party at which it was judged, for rows that are judged at each.
    pub at: Option<Party>,
    /// The verdict.
    pub verdict: Verdict,
    /// What was found; `None` for a pass.
    pub finding: Option<Finding>,
}

impl Check {
    /// The id that is reported: `cauth-present@as`.
    pub fn id(&self) -> String {
        match self.at {
            Some(party) => format!("{}@{party}", self.requirement),
            None => self.requirement.to_string(),
        }
    }

    /// Whether `name` means it: its own id, or the requirement at whatever party.
    pub fn is_called(&self, name: &str) -> bool {
        name == self.requirement.as_str() || name == self.id()
    }
}

/// How a check ended. The order is that of importance.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The evidence keeps the rule.
    Pass,
    /// The client does not do what the rule is about.
    NotApplicable,
    /// Worth telling, never counted.
    Info,
    /// The rule is broken, and it is one of good sense.
    Warn,
    /// The run never got to where the scenario's question is asked. Fails the run.
    NotReached,
    /// The rule is broken.
    Fail,
}

impl Verdict {
    /// The word in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NotApplicable => "not applicable",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::NotReached => "not reached",
            Self::Fail => "fail",
        }
    }
}

/// What was found, in the words of a reader who has the report and nothing else.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Finding {
    /// One sentence: what is wrong, with its evidence.
    pub what: String,
    /// The number of the exchange in which it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<usize>,
    /// What was expected beside what was seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<Comparison>,
    /// What was right in the same message, by parameter or header.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub as_expected: Vec<String>,
    /// A stretch of the client's output, where that is the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// What followed from it and is not counted again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Consequence>,
    /// Requirements that the same evidence breaks as well; named, not counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<RequirementId>,
    /// How many further times it was seen in this run.
    pub repeated: usize,
}

/// One value, expected and seen.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Comparison {
    /// Parameter, header or property.
    pub name: String,
    /// What a conforming client sends.
    pub expected: String,
    /// What was sent.
    pub seen: String,
}

/// Something that followed from a finding.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Consequence {
    /// The exchange, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<usize>,
    /// What happened there.
    pub what: String,
}
