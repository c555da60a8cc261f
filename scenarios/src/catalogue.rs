//! The catalogue of requirements: what is demanded, by which document, and how a breach is mended.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::id::RequirementId;
use crate::party::Party;
use crate::profile::{Capability, Profile};

/// Every requirement, in the order of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    requirement: Vec<Requirement>,
}

impl Catalogue {
    /// The catalogue that is embedded in the binary.
    pub fn embedded() -> &'static Self {
        static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
            toml::from_str(include_str!("../requirements.toml"))
                .unwrap_or_else(|error| panic!("requirements.toml is tested to be readable: {error}"))
        });
        &CATALOGUE
    }

    /// The requirements in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.requirement.iter()
    }

    /// The requirement called `id`.
    pub fn find(&self, id: &str) -> Option<&Requirement> {
        self.iter().find(|requirement| requirement.id.as_str() == id)
    }

    /// How many requirements are checked.
    pub fn checked(&self) -> usize {
        self.iter().filter(|row| row.is_checked()).count()
    }

    /// How many requirements are planned.
    pub fn planned(&self) -> usize {
        self.iter().filter(|row| row.planned.is_some()).count()
    }
}

/// One row of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its stable id.
    pub id: RequirementId,
    /// 1 core, 2 hardening, 3 optional extension.
    pub priority: u8,
    /// The keyword of the documents (RFC 2119).
    pub keyword: Keyword,
    /// How far the documents say it themselves.
    #[serde(default)]
    pub basis: Basis,
    /// The profile from which on it is active.
    pub profile: Profile,
    /// Where it differs by profile: profile and what a breach is there.
    #[serde(default)]
    pub severity: Vec<ProfileSeverity>,
    /// The parties at which it is judged one by one; the reported id then ends in `@idp`.
    #[serde(default)]
    pub at: Vec<Party>,
    /// Document and section, as they are cited.
    pub source: Vec<String>,
    /// What must be so, in one sentence.
    pub summary: String,
    /// How a breach is mended, in one sentence.
    pub mend: String,
    /// A message that keeps the rule, shortened; none where nothing is judged yet.
    #[serde(default)]
    pub right: String,
    /// One that breaks it.
    #[serde(default)]
    pub wrong: String,
    /// What a client must be able to do for the row to apply, in the words of [`Capability`].
    #[serde(default)]
    pub needs: Vec<Capability>,
    /// Why no check judges it yet; `None` where one does.
    #[serde(default)]
    pub planned: Option<String>,
    /// Rows that the same evidence also breaks; named under a finding and not counted.
    #[serde(default)]
    pub covers: Vec<RequirementId>,
}

impl Requirement {
    /// Whether it is about the run itself and no demand on a client: such a row is not counted as a requirement.
    pub fn is_of_run(&self) -> bool {
        self.id.as_str().starts_with("run-")
    }

    /// Whether it is a requirement that a check judges.
    pub fn is_checked(&self) -> bool {
        self.planned.is_none() && !self.is_of_run()
    }

    /// Whether a breach counts in any profile; one that never does is told only.
    pub fn counts(&self) -> bool {
        Profile::ALL.iter().any(|profile| self.severity(*profile) > Some(Severity::Info))
    }

    /// What a breach is under `profile`; `None` where the row is not active.
    pub fn severity(&self, profile: Profile) -> Option<Severity> {
        if !profile.includes(self.profile) {
            return None;
        }
        let stated = |profile| self.severity.iter().find(|entry| entry.profile == profile);
        let nearest = profile.line().find_map(stated);
        Some(nearest.map_or_else(|| self.default_severity(), |entry| entry.is))
    }

    fn default_severity(&self) -> Severity {
        match (self.basis, self.keyword) {
            (Basis::Harmful, _) => Severity::Fail,
            (_, Keyword::May) => Severity::Info,
            (Basis::Derived, _) | (_, Keyword::Should | Keyword::ShouldNot) => Severity::Warn,
            (Basis::Stated, Keyword::Must | Keyword::MustNot) => Severity::Fail,
        }
    }
}

/// What a breach is in one profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSeverity {
    /// The profile.
    pub profile: Profile,
    /// What a breach is there.
    pub is: Severity,
}

/// A keyword of RFC 2119.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Keyword {
    /// Absolute.
    #[serde(rename = "MUST")]
    Must,
    /// Absolute prohibition.
    #[serde(rename = "MUST NOT")]
    MustNot,
    /// Left undone only for good reasons.
    #[serde(rename = "SHOULD")]
    Should,
    /// Done only for good reasons.
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    /// Free.
    #[serde(rename = "MAY")]
    May,
}

impl fmt::Display for Keyword {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
        })
    }
}

/// How far the documents say a requirement themselves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The cited text says it about the client.
    #[default]
    Stated,
    /// It follows from the cited text.
    Derived,
    /// It follows, and a breach leaks a credential, loops, or breaks the flow.
    Harmful,
}

/// What a breach counts as.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Told, never counted.
    Info,
    /// Counted with `--deny warnings`.
    Warn,
    /// Fails the run.
    Fail,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}
