//! Options that say which client is driven and how it is registered.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{AuthMethod, Capability, Profile, Scenarios, SpecVersion};

use crate::cli::Hinted;
use crate::cli::config::{ChoiceOptions, ConfigOptions};
use crate::config::{Client, Config, check_variable, duration, split};
use crate::driver::Command;

/// The client under test. What is absent is left to the configuration and to the defaults.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ClientOptions {
    #[command(flatten)]
    pub(super) config: ConfigOptions,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// The documents the client is judged by: base, ema-2025, ema-sec, mcp, mcp-2025-11-25, next, strict; mcp by default
    #[arg(long, value_name = "PROFILE")]
    pub(super) profile: Option<Profile>,
    /// The MCP revision the client is told to speak: 2025-11-25, the default, or 2026-07-28
    #[arg(long, value_name = "DATE")]
    pub(super) spec_version: Option<SpecVersion>,
    /// The flow name that the client's adapter knows; auth/cross-app-access-complete-flow by default
    #[arg(long, value_name = "NAME")]
    pub(super) flow_name: Option<String>,
    /// What the client declares about itself, such as idp-discovery,as-auth=client_secret_post
    #[arg(long, value_name = "WORD,…", value_delimiter = ',')]
    pub(super) capabilities: Option<Vec<Capability>>,
    /// The methods for which the client is registered at the IdP, such as none,client_secret_post
    #[arg(long, value_name = "METHOD,…", value_delimiter = ',')]
    pub(super) idp_auth: Option<Vec<AuthMethod>>,
    /// The methods for which it is registered at the resource authorization server, in the same form
    #[arg(long, value_name = "METHOD,…", value_delimiter = ',')]
    pub(super) as_auth: Option<Vec<AuthMethod>>,
    /// Bind the client's credentials at the resource authorization server to an issuer
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) pinned_issuer: Option<bool>,
    /// How long one start of the client may take, in seconds, or with the unit s or ms; 30 s by default
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Option<Duration>,
    /// How long it may take in a slow scenario, in the same form; 60 s by default
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) slow_timeout: Option<Duration>,
    /// Start the client in this folder, where a relative path of its program then begins
    #[arg(long, value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    /// A command to run once before, split as a shell would split it
    #[arg(long, value_name = "STRING")]
    setup: Option<String>,
    /// A variable for the client; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Scenarios of your own, besides the built-in ones
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How many scenarios run at a time; as many as there are cores by default
    #[arg(long, value_name = "N")]
    pub(super) test_threads: Option<std::num::NonZeroUsize>,
    /// The client's command as one string, split as a shell would split it
    #[arg(long = "command", value_name = "STRING", conflicts_with = "command")]
    command_line: Option<String>,
    /// The client's command; its last argument will be the MCP server's URL
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ClientOptions {
    /// The built-in scenarios and the user's own.
    pub(super) fn scenarios(&self, config: Option<&Config>) -> anyhow::Result<Scenarios> {
        let configured = config.and_then(|config| config.scenarios.as_deref());
        scenarios(self.scenarios.as_deref().or(configured))
    }

    /// The clients that are driven. None in place of one stands for a client of which nothing is configured.
    pub(super) fn choose<'a>(&self, config: Option<&'a Config>) -> anyhow::Result<Vec<Option<&'a Client>>> {
        self.choice.choose(config, self.command_line.is_some() || !self.command.is_empty())
    }

    /// The words of the command that was given, if any.
    pub(super) fn words(&self) -> anyhow::Result<Option<Vec<OsString>>> {
        match &self.command_line {
            Some(line) => words("command", line).map(Some),
            None if self.command.is_empty() => Ok(None),
            None => Ok(Some(self.command.clone())),
        }
    }

    /// The set-up command that was given, if any.
    pub(super) fn setup(&self) -> anyhow::Result<Option<Command>> {
        self.setup.as_deref().map(|line| words("setup", line).map(command)).transpose()
    }

    /// The variables of `client`, and those that were given.
    pub(super) fn environment(&self, client: &Client) -> BTreeMap<String, String> {
        let configured = client.environment.iter().map(|(key, value)| (key.clone(), value.clone()));
        configured.chain(self.env.iter().cloned()).collect()
    }

    /// The options of the command line that a repeated run needs; values of variables are left out, for they may be
    /// secret.
    pub(super) fn to_repeat(&self) -> Vec<String> {
        let options: [(&str, Option<String>); 11] = [
            ("profile", self.profile.map(|profile| profile.to_string())),
            ("spec-version", self.spec_version.map(|version| version.as_str().to_owned())),
            ("flow-name", self.flow_name.as_deref().map(quoted)),
            ("timeout", self.timeout.map(milliseconds)),
            ("slow-timeout", self.slow_timeout.map(milliseconds)),
            ("capabilities", self.capabilities.as_deref().map(joined)),
            ("idp-auth", self.idp_auth.as_deref().map(joined)),
            ("as-auth", self.as_auth.as_deref().map(joined)),
            ("directory", self.directory.as_deref().map(quoted)),
            ("setup", self.setup.as_deref().map(quoted)),
            ("scenarios", self.scenarios.as_deref().map(quoted)),
        ];
        let options = options.into_iter().filter_map(|(name, value)| Some(format!("--{name} {}", value?)));
        let pinned = match self.pinned_issuer {
            Some(true) => Some("--pinned-issuer".to_owned()),
            Some(false) => Some("--pinned-issuer=false".to_owned()),
            None => None,
        };
        let variables =
            self.env.iter().map(|(key, _)| format!("--env {}", quoted(&format!("{key}={UNTOLD}"))));
        options.chain(pinned).chain(variables).collect()
    }
}

/// What stands for the value of a variable in a command to repeat.
const UNTOLD: &str = "…";

fn words(option: &str, line: &str) -> anyhow::Result<Vec<OsString>> {
    let words = split(line).map_err(|what| {
        Hinted::error(format!("`--{option}`: {what}"), "it is one string, split as a shell would split it")
    })?;
    Ok(words.into_iter().map(OsString::from).collect())
}

fn milliseconds(limit: Duration) -> String {
    format!("{}ms", limit.as_millis())
}

fn joined<T: ToString>(words: &[T]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &(impl AsRef<std::ffi::OsStr> + ?Sized)) -> String {
    shell_words::quote(&word.as_ref().to_string_lossy()).into_owned()
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a variable is written KEY=VALUE")?;
    if value == UNTOLD {
        return Err(format!(
            "`{UNTOLD}` stands for the value of `{key}`, which is never printed: put it there"
        ));
    }
    check_variable(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
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
pub(super) fn is_reference(words: &[OsString]) -> bool {
    matches!(words, [program, sub, ..] if program == "crosscheck" && sub == "reference-client")
}

/// The command that starts the embedded reference client, with the arguments in `words`.
pub(super) fn reference_client(words: &[OsString]) -> anyhow::Result<Command> {
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

/// The command of these words, of which there is at least one.
pub(super) fn command(mut words: Vec<OsString>) -> Command {
    let program = words.remove(0);
    Command { program, args: words }
}

/// How many scenarios are played at a time unless said otherwise.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}
