//! Text that is unique to a run, so that a plain search finds it wherever it travels.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Makes the unique texts of one run; all of them begin alike.
#[derive(Clone, Debug)]
pub struct Canary {
    tag: String,
    random: SystemRandom,
}

/// How every canary begins.
const MARK: &str = "cc";
/// Characters that tell the run.
const TAG: usize = 8;

impl Canary {
    /// A new run's.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        Self { tag: characters(&random, TAG), random }
    }

    /// 22 characters of `a-z2-7`, the first ten the same throughout the run.
    pub fn mint(&self) -> String {
        format!("{MARK}{}{}", self.tag, self.characters(12))
    }

    /// That many characters of `a-z2-7` without a mark.
    pub(crate) fn characters(&self, count: usize) -> String {
        characters(&self.random, count)
    }

    /// What tells this run from others.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The tags of all canaries that stand in `text`; other text may look like one.
    pub fn tags(text: &str) -> impl Iterator<Item = &str> {
        text.match_indices(MARK).filter_map(|(at, _)| text.get(at + MARK.len()..at + MARK.len() + TAG))
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

fn characters(random: &SystemRandom, count: usize) -> String {
    let mut bytes = vec![0; count];
    random.fill(&mut bytes).expect("the system has randomness");
    bytes.iter().map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte % 32)])).collect()
}
