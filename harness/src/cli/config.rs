//! Options that say which configuration holds, and which of its clients are driven.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crosscheck_scenarios::{Scenarios, nearest};

use crate::cli::{Hinted, client};
use crate::config::{Client, Config, FILE, discover};

/// The configuration.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConfigOptions {
    /// The configuration; by default crosscheck.toml in this folder or the nearest one above
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,
    /// Look for no configuration
    #[arg(long)]
    no_config: bool,
}

impl ConfigOptions {
    /// The configuration that holds, if any.
    pub(super) fn read(&self) -> anyhow::Result<Option<Config>> {
        let here = std::env::current_dir().context("could not find the current folder")?;
        let path = match &self.config {
            Some(path) => Some(path.clone()),
            None if self.no_config => None,
            None => discover(&here),
        };
        let Some(path) = path else { return Ok(None) };
        let name = path.strip_prefix(&here).unwrap_or(&path).display().to_string();
        Ok(Some(Config::read(&path, name)?))
    }

    /// The built-in scenarios, and one's own: those of `folder`, else those that the configuration names.
    pub(super) fn scenarios(&self, folder: Option<&Path>) -> anyhow::Result<Scenarios> {
        match folder {
            Some(folder) => client::scenarios(Some(folder)),
            None => client::scenarios(self.read()?.and_then(|config| config.scenarios).as_deref()),
        }
    }

    /// The options that a repeated call needs.
    pub(super) fn to_repeat(&self) -> Vec<String> {
        let file = self.config.iter().map(|path| format!("--config {}", client::quoted(path)));
        file.chain(self.no_config.then(|| "--no-config".to_owned())).collect()
    }
}

/// The clients of the configuration that are driven.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ChoiceOptions {
    /// Drive the client of this name in the configuration; may be given again
    #[arg(long, value_name = "NAME", conflicts_with = "all_clients")]
    client: Vec<String>,
    /// Drive every client of the configuration
    #[arg(long)]
    all_clients: bool,
}

impl ChoiceOptions {
    /// The clients that are driven. None in place of one stands for a client of which nothing is configured.
    pub(super) fn choose<'a>(
        &self,
        config: Option<&'a Config>,
        has_command: bool,
    ) -> anyhow::Result<Vec<Option<&'a Client>>> {
        let named = self.all_clients || !self.client.is_empty();
        let Some(config) = config.filter(|_| named || !has_command) else {
            return if named { Err(self.without_configuration()) } else { Ok(vec![None]) };
        };
        if has_command && (self.all_clients || self.client.len() > 1) {
            return Err(Hinted::error(
                "one command cannot be that of several clients",
                "leave the command out, or give one `--client NAME`, whose settings it then has",
            ));
        }
        let clients = if self.all_clients {
            config.clients.iter().collect()
        } else if named {
            self.named(config)?
        } else {
            config.defaults()
        };
        if clients.is_empty() {
            let what = if config.clients.is_empty() { "has no [[client]]" } else { "drives none by default" };
            return Err(Hinted::error(
                format!("`{}` {what}", config.name()),
                "add one (`crosscheck init` shows how), or put a command behind `--`; `--no-config` drives the \
                 embedded reference client",
            ));
        }
        Ok(clients.into_iter().map(Some).collect())
    }

    fn named<'a>(&self, config: &'a Config) -> anyhow::Result<Vec<&'a Client>> {
        let mut clients: Vec<&Client> = Vec::new();
        for name in &self.client {
            let Some(client) = config.client(name) else {
                let names = || config.clients.iter().map(|client| client.name.as_str());
                let hint = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if config.clients.is_empty() => "it has no [[client]]".to_owned(),
                    None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                };
                return Err(Hinted::error(
                    format!("no client of `{}` is called `{name}`", config.name()),
                    hint,
                ));
            };
            if !clients.iter().any(|other| other.name == *name) {
                clients.push(client);
            }
        }
        Ok(clients)
    }

    fn without_configuration(&self) -> anyhow::Error {
        let option = if self.all_clients { "--all-clients" } else { "--client" };
        Hinted::error(
            format!("`{option}` speaks of a configuration, and there is none"),
            format!("`crosscheck init` writes {FILE}; `--config FILE` names one that stands elsewhere"),
        )
    }
}

/// A path as one would type it here.
pub(super) fn from_here(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned)).unwrap_or(path)
}
