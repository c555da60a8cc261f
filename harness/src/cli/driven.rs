//! The clients that a run drives, as the command line and the configuration have them together. The command line wins.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anstream::eprintln;
use tokio::sync::watch;
use toml::Spanned;

use crosscheck_scenarios::{Capability, Scenario, Scenarios};
use crosscheck_wire::Declared;

use crate::cli::Hinted;
use crate::cli::client::{ClientOptions, command, cores, is_reference, quoted, reference_client};
use crate::config::{Client, Config};
use crate::driver::Command;
use crate::live::Live;
use crate::preparation::{PreparationError, prepare};
use crate::report::Again;
use crate::run::{FLOW_NAME, LIMIT, SLOW_LIMIT, Settings};
use crate::select::{SelectError, Selection};

/// One client that is driven.
pub(super) struct Driven<'a> {
    /// What holds for every scenario.
    pub(super) settings: Settings,
    /// Whether it is the embedded reference client.
    pub(super) reference: bool,
    /// The command that plays its scenarios once more.
    pub(super) again: Again,
    /// What the configuration says of it, and the configuration.
    pub(super) configured: Option<(&'a Config, &'a Client)>,
    setup: Option<Setup>,
}

/// The name of the embedded client where nothing else is configured.
const REFERENCE: &str = "reference";

/// A command that is run once before.
struct Setup {
    command: Command,
    /// Whether the configuration has it, so that messages show the place.
    is_configured: bool,
}

impl<'a> Driven<'a> {
    /// The clients that `options` and the configuration name.
    ///
    /// # Errors
    /// When there is none, when the command line contradicts itself, or when a directory is missing.
    pub(super) fn all(options: &ClientOptions, config: Option<&'a Config>) -> anyhow::Result<Vec<Self>> {
        let clients = options.choose(config)?;
        clients.into_iter().map(|client| Self::new(options, config, client)).collect()
    }

    fn new(
        options: &ClientOptions,
        config: Option<&'a Config>,
        client: Option<&'a Client>,
    ) -> anyhow::Result<Self> {
        let configured = config.zip(client);
        let of_nobody = Client::default();
        let file = client.unwrap_or(&of_nobody);
        let given = options.words()?;
        let by_name = client.filter(|_| given.is_none()).map(|client| client.name.clone());
        let words = given.or_else(|| Some(file.command.as_ref()?.iter().map(Into::into).collect()));
        let words = words.unwrap_or_default();
        let reference = words.is_empty() || is_reference(&words);
        let threads = options.test_threads.or(config.and_then(|config| config.test_threads));
        let settings = Settings {
            client: by_name,
            command: if reference { reference_client(&words)? } else { command(words) },
            directory: directory(options, configured)?,
            environment: options.environment(file),
            declared: Declared(declared(options, file, reference)),
            flow_name: options
                .flow_name
                .as_ref()
                .or(file.flow_name.as_ref())
                .map_or(FLOW_NAME, |name| name)
                .into(),
            profile: options.profile.or(file.profile).unwrap_or_default(),
            spec_version: options.spec_version.or(file.spec_version).unwrap_or_default(),
            limit: options.timeout.or(file.timeout).unwrap_or(LIMIT),
            slow_limit: options.slow_timeout.or(file.slow_timeout).unwrap_or(SLOW_LIMIT),
            threads: threads.map_or_else(cores, std::num::NonZeroUsize::get),
            reveal: false,
            live: Live::default(),
        };
        let name = client.map(|client| format!("--client {}", quoted(&client.name)));
        let again = options.config.to_repeat().into_iter().chain(name).chain(options.to_repeat()).collect();
        // The configuration has the command of a client with a name, and the bare reference client is the default.
        let is_known = settings.client.is_some() || (reference && settings.command.args.len() == 1);
        let again =
            Again { options: again, command: (!is_known).then(|| typed(&settings.command, reference)) };
        Ok(Self { settings, reference, again, configured, setup: setup(options, file)? })
    }

    /// What it is called in reports.
    pub(super) fn name(&self) -> String {
        match &self.settings.client {
            Some(name) => name.clone(),
            None if self.reference => REFERENCE.to_owned(),
            None => self.settings.command.name(),
        }
    }

    /// Writes the line above what is told of it, where it is one of several.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub(super) fn heading(&self) -> io::Result<()> {
        let name = self.settings.client.as_deref().unwrap_or_default();
        let bold = anstyle::Style::new().bold();
        writeln!(anstream::stdout(), "{bold}client  {name}{bold:#}")
    }

    /// Its program, as people call it.
    pub(super) fn program(&self) -> String {
        if self.reference { "the reference client".to_owned() } else { self.settings.command.name() }
    }

    /// Its command, as one would type it.
    pub(super) fn command(&self) -> String {
        typed(&self.settings.command, self.reference)
    }

    /// What a message about it begins with; nothing where it has no name.
    pub(super) fn prefix(&self) -> String {
        self.configured.map(|(_, client)| format!("client `{}`: ", client.name)).unwrap_or_default()
    }

    /// The scenarios that it is driven through. Filters of the command line stand in place of its own.
    ///
    /// # Errors
    /// When they select nothing.
    pub(super) fn plan(
        &self,
        given: &Selection,
        scenarios: &Scenarios,
    ) -> anyhow::Result<(Selection, Vec<Arc<Scenario>>)> {
        let selection = self.selection(given);
        let plan = selection.select(scenarios, self.settings.profile);
        let plan = plan.map_err(|error| self.selects_nothing(&error, given))?;
        Ok((selection, plan))
    }

    fn selection(&self, given: &Selection) -> Selection {
        let Some((_, client)) = self.configured.filter(|_| !given.exact) else { return given.clone() };
        let own = |words: &[Spanned<String>]| words.iter().map(|word| word.get_ref().clone()).collect();
        let or = |given: &Vec<String>, words| if given.is_empty() { own(words) } else { given.clone() };
        Selection {
            filters: or(&given.filters, &client.filters),
            skip: or(&given.skip, &client.skip),
            exact: false,
            shard: given.shard,
        }
    }

    /// An error that shows the filter where it stands.
    fn selects_nothing(&self, error: &SelectError, given: &Selection) -> anyhow::Error {
        let own = self.configured.filter(|_| !given.exact && given.filters.is_empty());
        let place = own.and_then(|(config, client)| {
            let at_fault = |word: &&Spanned<String>| match error {
                SelectError::NoMatch { filter, .. } => word.get_ref() == filter,
                SelectError::Empty(_) => true,
            };
            let skip = client.skip.iter().filter(|_| given.skip.is_empty());
            Some((config, client.filters.iter().chain(skip).find(at_fault)?.span()))
        });
        let what = format!("{}{error}", self.prefix());
        match place {
            Some((config, span)) => anyhow::Error::msg(config.problem(span, what, None)),
            None => Hinted::error(what, "`crosscheck list` shows all ids"),
        }
    }

    /// Runs the set-up command, if there is one.
    ///
    /// # Errors
    /// When it cannot be started, or fails.
    pub(super) fn prepare(&self, interrupted: watch::Receiver<bool>) -> anyhow::Result<()> {
        let Some(setup) = &self.setup else { return Ok(()) };
        let (command, Settings { directory, environment, .. }) = (&setup.command, &self.settings);
        let line = command.to_line();
        eprintln!("setup   {}{line}", self.prefix());
        let Err(error) = prepare(command, directory.as_deref(), environment, interrupted) else {
            return Ok(());
        };
        if matches!(error, PreparationError::Interrupted) {
            return Err(error.into());
        }
        let hint = "try it by itself, in the same directory and with the same environment";
        let failed = matches!(error, PreparationError::Failed { .. });
        let what = format!(
            "{}the setup `{line}` {}{error}",
            self.prefix(),
            if failed { "" } else { "does not start: " }
        );
        let place = self.configured.filter(|_| setup.is_configured).and_then(|(config, client)| {
            let span = client.setup.as_ref()?.span();
            Some(config.problem(span, what.clone(), Some(hint.into())))
        });
        Err(place.map_or_else(|| Hinted::error(what, hint), anyhow::Error::msg))
    }
}

/// A client's command as the user would type it; `reference` tells that it is the embedded one.
fn typed(command: &Command, reference: bool) -> String {
    if !reference {
        return command.to_line();
    }
    Command { program: "crosscheck".into(), args: command.args.clone() }.to_line()
}

fn directory(
    options: &ClientOptions,
    configured: Option<(&Config, &Client)>,
) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = &options.directory {
        return if path.is_dir() {
            Ok(Some(path.clone()))
        } else {
            Err(Hinted::error(
                format!("`--directory`: there is no folder `{}`", path.display()),
                "relative paths begin in the current folder",
            ))
        };
    }
    let Some((config, client)) = configured else { return Ok(None) };
    let missing = client.directory.as_ref().filter(|path| !path.is_dir());
    match missing.zip(client.directory_at()) {
        Some((path, span)) => {
            let what = format!("client `{}`: there is no folder `{}`", client.name, path.display());
            let hint = "relative paths begin in the folder of the file";
            Err(anyhow::Error::msg(config.problem(span, what, Some(hint.into()))))
        }
        None => Ok(client.directory.clone()),
    }
}

fn setup(options: &ClientOptions, file: &Client) -> anyhow::Result<Option<Setup>> {
    let given = options.setup()?.map(|command| Setup { command, is_configured: false });
    let configured = file.setup.as_ref().map(|words| {
        let words = words.get_ref().iter().map(Into::into).collect();
        Setup { command: command(words), is_configured: true }
    });
    Ok(given.or(configured))
}

/// What the client declares. Of the reference client everything is declared unless something is stated.
fn declared(options: &ClientOptions, file: &Client, reference: bool) -> Vec<Capability> {
    let capabilities = options.capabilities.as_ref().or(file.capabilities.as_ref());
    let idp_auth = options.idp_auth.as_ref().or(file.idp_auth.as_ref());
    let as_auth = options.as_auth.as_ref().or(file.as_auth.as_ref());
    let is_stated = capabilities.is_some() || idp_auth.is_some() || as_auth.is_some();
    let mut words = if reference && !is_stated {
        Capability::all()
    } else {
        let methods = idp_auth.into_iter().flatten().copied().map(Capability::IdpAuth);
        let methods = methods.chain(as_auth.into_iter().flatten().copied().map(Capability::AsAuth));
        capabilities.into_iter().flatten().copied().chain(methods).collect()
    };
    match options.pinned_issuer.or(file.pinned_issuer) {
        Some(true) => words.push(Capability::PinnedIssuer),
        Some(false) => words.retain(|word| *word != Capability::PinnedIssuer),
        None => {}
    }
    let mut once = Vec::with_capacity(words.len());
    words.retain(|word| {
        let is_new = !once.contains(word);
        once.push(*word);
        is_new
    });
    words
}
