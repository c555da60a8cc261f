//! `crosscheck doctor`, and the same check before every run.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use crosscheck_scenarios::Scenarios;

use crate::cli::client::ClientOptions;
use crate::cli::driven::Driven;
use crate::cli::{CANNOT_LISTEN, Hinted};
use crate::exit;
use crate::interruption;
use crate::live::Live;
use crate::report::Terminal;
use crate::run::Settings;
use crate::setup::{self, SetUp, SetUpError};

/// Checks the set-up of the clients and judges nothing.
pub(super) fn doctor(options: &ClientOptions) -> anyhow::Result<ExitCode> {
    let config = options.config.read()?;
    let clients = Driven::all(options, config.as_ref())?;
    let scenarios = options.scenarios(config.as_ref())?;
    let interrupted = interruption::listen().context(CANNOT_LISTEN)?;
    let set_ups = set_ups(clients.iter(), &scenarios, &interrupted, &Live::default())?;
    for (client, set_up) in clients.iter().zip(set_ups) {
        if clients.len() > 1 {
            client.heading()?;
        }
        let mut terminal = Terminal::new(anstream::stdout(), &client.again, client.reference);
        terminal.set_up(set_up, &client.program())?;
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// Prepares all clients, in order, then checks that each starts and that its requests arrive.
pub(super) fn set_ups<'a>(
    clients: impl Iterator<Item = &'a Driven<'a>> + Clone,
    scenarios: &Scenarios,
    interrupted: &watch::Receiver<bool>,
    live: &Live,
) -> anyhow::Result<Vec<SetUp>> {
    let conforming = scenarios.find(CONFORMING).context("the built-in scenarios hold no conforming one")?;
    let conforming = Arc::new(conforming.clone());
    for client in clients.clone() {
        client.prepare(interrupted.clone())?;
    }
    let set_up = |client: &Driven<'_>| {
        let settings = Settings { live: live.clone(), ..client.settings.clone() };
        setup::check(&conforming, &settings, interrupted.clone()).map_err(|error| match error {
            SetUpError::Useless { what, hint } => {
                Hinted::error(format!("{}set-up: {what}", client.prefix()), hint)
            }
            other => other.into(),
        })
    };
    clients.map(set_up).collect()
}

/// The scenario in which every server conforms.
const CONFORMING: &str = "flow/complete";
