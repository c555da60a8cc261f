//! Options that say which client is driven and how it is registered.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{Capability, Profile, Scenarios, SpecVersion};
use crosscheck_wire::Declared;

use crate::cli::Hinted;
use crate::driver::Command;
use crate::live::Live;
use crate::run::{FLOW_NAME, Settings};

/// The client under test.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ClientOptions {
    /// The documents the client is judged by: base, ema-2025, ema-sec, mcp, mcp-2025-11-25, next, strict
    #[arg(long, value_name = "PROFILE", default_value_t)]
    pub(super) profile: Profile,
    /// The MCP revision the client is told to speak: 2025-11-25 or 2026-07-28
    #[arg(long, value_name = "DATE", default_value = "2025-11-25")]
    spec_version: SpecVersion,
    /// The flow name that the client's adapter knows
    #[arg(long, value_name = "NAME", default_value = FLOW_NAME)]
    flow_name: String,
    /// What the client declares about itself, such as idp-discovery,as-auth=client_secret_post
    #[arg(long, value_name = "WORD,…", value_delimiter = ',')]
    capabilities: Vec<Capability>,
    /// How long one start of the client may take, in seconds, or with the unit s or ms
    #[arg(long, value_name = "TIME", default_value = "30", value_parser = duration)]
    timeout: Duration,
    /// How long it may take in a slow scenario, in the same form
    #[arg(long, value_name = "TIME", default_value = "60", value_parser = duration)]
    slow_timeout: Duration,
    /// Scenarios of your own, besides the built-in ones
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How many scenarios run at a time; as many as there are cores by default
    #[arg(long, value_name = "N")]
    test_threads: Option<std::num::NonZeroUsize>,
    /// The client's command as one string, split as a shell would split it
    #[arg(long = "command", value_name = "STRING", conflicts_with = "command")]
    command_line: Option<String>,
    /// The client's command; its last argument will be the MCP server's URL
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// How long one start may take unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The same in a slow scenario.
const SLOW_TIMEOUT: Duration = Duration::from_secs(60);

impl ClientOptions {
    /// The built-in scenarios and the user's own.
    pub(super) fn scenarios(&self) -> anyhow::Result<Scenarios> {
        scenarios(self.scenarios.as_deref())
    }

    /// Whether the embedded reference client is driven.
    pub(super) fn drives_reference(&self) -> anyhow::Result<bool> {
        let words = self.words()?;
        Ok(words.is_empty() || is_reference(&words))
    }

    /// The settings of the run.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        let words = self.words()?;
        let reference = words.is_empty() || is_reference(&words);
        let declared = match self.capabilities.as_slice() {
            [] if reference => Capability::all(),
            words => words.to_vec(),
        };
        Ok(Settings {
            command: if reference { reference_client(&words)? } else { command(words) },
            declared: Declared(declared),
            flow_name: self.flow_name.clone(),
            profile: self.profile,
            spec_version: self.spec_version,
            limit: self.timeout,
            slow_limit: self.slow_timeout,
            threads: self.test_threads.map_or_else(cores, std::num::NonZeroUsize::get),
            reveal: false,
            live: Live::default(),
        })
    }

    /// The options that a repeated run needs.
    pub(super) fn to_repeat(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.profile != Profile::default() {
            words.push(format!("--profile {}", self.profile));
        }
        if self.spec_version != SpecVersion::default() {
            words.push(format!("--spec-version {}", self.spec_version.as_str()));
        }
        if self.flow_name != FLOW_NAME {
            words.push(format!("--flow-name {}", self.flow_name));
        }
        if self.timeout != TIMEOUT {
            words.push(format!("--timeout {}ms", self.timeout.as_millis()));
        }
        if self.slow_timeout != SLOW_TIMEOUT {
            words.push(format!("--slow-timeout {}ms", self.slow_timeout.as_millis()));
        }
        if !self.capabilities.is_empty() {
            let named: Vec<_> = self.capabilities.iter().map(ToString::to_string).collect();
            words.push(format!("--capabilities {}", named.join(",")));
        }
        if let Some(folder) = &self.scenarios {
            words.push(format!("--scenarios {}", shell_words::quote(&folder.to_string_lossy())));
        }
        words
    }

    fn words(&self) -> anyhow::Result<Vec<OsString>> {
        let Some(line) = &self.command_line else { return Ok(self.command.clone()) };
        let words = shell_words::split(line).map_err(|_| {
            Hinted::error(format!("`--command` ends inside a quote: {line}"), "close the quote")
        })?;
        if words.is_empty() {
            return Err(Hinted::error("`--command` is empty", "leave it out to drive the reference client"));
        }
        Ok(words.into_iter().map(OsString::from).collect())
    }
}

/// The built-in scenarios and those of `folder`.
pub(super) fn scenarios(folder: Option<&Path>) -> anyhow::Result<Scenarios> {
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
    let embedded = Scenarios::embedded(&faults)?;
    match folder {
        Some(folder) => Ok(embedded.and(Scenarios::folder(folder, &faults)?)?),
        None => Ok(embedded),
    }
}

/// `crosscheck reference-client …` means this binary, wherever it stands.
fn is_reference(words: &[OsString]) -> bool {
    matches!(words, [program, sub, ..] if program == "crosscheck" && sub == "reference-client")
}

fn reference_client(words: &[OsString]) -> anyhow::Result<Command> {
    check_slugs(words)?;
    let program =
        std::env::current_exe().context("could not find this binary to start the reference client")?;
    let args = if words.is_empty() { vec!["reference-client".into()] } else { words[1..].to_vec() };
    Ok(Command { program: program.into(), args })
}

/// Names what the reference client would not know, before it is started.
fn check_slugs(words: &[OsString]) -> anyhow::Result<()> {
    let words: Vec<_> =
        words.iter().filter_map(|word| word.to_str()).flat_map(|word| word.split('=')).collect();
    for pair in words.windows(2) {
        let unknown = match pair[0] {
            "--fault" => pair[1].parse::<Fault>().err(),
            "--control" => pair[1].parse::<Control>().err(),
            _ => None,
        };
        if let Some(unknown) = unknown {
            anyhow::bail!("`{} {}`: {unknown}", pair[0], pair[1]);
        }
    }
    Ok(())
}

fn command(mut words: Vec<OsString>) -> Command {
    let program = words.remove(0);
    Command { program, args: words }
}

/// How many scenarios are played at a time unless said otherwise.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

fn duration(text: &str) -> Result<Duration, String> {
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
}
