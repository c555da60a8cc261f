//! Every value that a run mints, by name, with the parties it may travel to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crosscheck_scenarios::Party;

/// What a value is, which decides whether finding it somewhere is a leak.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// A client's secret or private key.
    Credential,
    /// Names somebody; no secret.
    Identifier,
    /// An ID token, a grant or an access token.
    Token,
}

/// One minted value as the transcript tells of it: never the value itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ValueFacts {
    /// Its provenance name, such as `id_jag#1`.
    pub name: String,
    /// What it is.
    pub kind: ValueKind,
    /// Parties that a conforming client may send it to.
    pub travels_to: Vec<Party>,
    /// The signing key, by name, where the value is a token.
    pub signed_with: Option<String>,
}

/// A value with its facts.
#[derive(Clone, Debug)]
pub struct Minted {
    /// What is told of it.
    pub facts: ValueFacts,
    /// The value itself.
    pub value: String,
}

/// The values of one run.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Vec<Minted>>);

impl Ledger {
    /// Registers `value` under `name`.
    pub fn mint(&self, name: &str, value: &str, kind: ValueKind, travels_to: &[Party]) {
        self.push(name.to_owned(), value, kind, travels_to, None);
    }

    /// Registers the only token called `name`, and names the key that signed it.
    pub fn mint_signed(&self, name: &str, value: &str, key: &str, travels_to: &[Party]) {
        self.push(name.to_owned(), value, ValueKind::Token, travels_to, Some(key));
    }

    /// Registers a token under `name#1`, `name#2` …, and names the key that signed it.
    pub fn mint_token(&self, name: &str, value: &str, key: &str, travels_to: &[Party]) {
        let prefix = format!("{name}#");
        let count = self.lock().iter().filter(|minted| minted.facts.name.starts_with(&prefix)).count();
        self.push(format!("{prefix}{}", count + 1), value, ValueKind::Token, travels_to, Some(key));
    }

    /// A copy of everything minted so far.
    pub fn values(&self) -> Vec<Minted> {
        self.lock().clone()
    }

    /// Every value by its name; of one with several forms the first.
    pub fn by_name(&self) -> BTreeMap<String, String> {
        // A later entry of a map replaces an earlier one.
        let last_first = self.values().into_iter().rev();
        last_first.map(|minted| (minted.facts.name, minted.value)).collect()
    }

    /// The value registered under `name`.
    pub fn value(&self, name: &str) -> Option<String> {
        self.lock().iter().find(|minted| minted.facts.name == name).map(|minted| minted.value.clone())
    }

    /// The token registered last under `name#1`, `name#2` ….
    pub(crate) fn last(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}#");
        let values = self.lock();
        let mut last_first = values.iter().rev();
        last_first.find(|minted| minted.facts.name.starts_with(&prefix)).map(|minted| minted.value.clone())
    }

    fn push(&self, name: String, value: &str, kind: ValueKind, travels_to: &[Party], key: Option<&str>) {
        let facts =
            ValueFacts { name, kind, travels_to: travels_to.to_vec(), signed_with: key.map(str::to_owned) };
        self.lock().push(Minted { facts, value: value.to_owned() });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Minted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
