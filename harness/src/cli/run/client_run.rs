//! One client of a run: it is driven, and what came of it is told, written down and compared.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crosscheck_scenarios::Scenario;

use crate::cli::baseline::Measure;
use crate::cli::driven::Driven;
use crate::cli::output::{Format, unless_closed};
use crate::cli::progress::{Outcome, play};
use crate::cli::run::Run;
use crate::pin::Pins;
use crate::report::model::RunFacts;
use crate::report::{ClientReport, Folder, JudgedClient, Matrix, Report, Terminal};
use crate::run::{Played, Settings};
use crate::select::Selection;
use crate::setup::SetUp;

/// What holds for one client of a run.
pub(super) struct ClientRun<'a> {
    pub(super) client: Driven<'a>,
    selection: Selection,
    pub(super) plan: Vec<Arc<Scenario>>,
    measure: Measure,
    folder: Option<Folder>,
    pins: Option<Pins>,
}

impl<'a> Run<'a> {
    /// Makes ready what can fail before any client is started.
    pub(super) fn of(
        &self,
        mut client: Driven<'a>,
        selection: Selection,
        plan: Vec<Arc<Scenario>>,
    ) -> anyhow::Result<ClientRun<'a>> {
        client.settings.reveal = self.options.reveal;
        client.settings.live = self.options.tell.live();
        let measure = self.options.baseline.open(
            self.scenarios,
            self.config,
            client.configured.map(|(_, client)| client),
        )?;
        // Each of several clients has folders of its own.
        let own = client.settings.client.as_deref().filter(|_| self.several);
        let folder =
            self.report.clone().map(|folder| own.map_or_else(|| folder.clone(), |own| folder.join(own)));
        let folder = folder.map(Folder::open).transpose()?;
        let pins = self.options.pin.open(own)?;
        Ok(ClientRun { client, selection, plan, measure, folder, pins })
    }

    /// Drives one client, tells what came of it, and says whether that is as expected.
    pub(super) fn drive(&self, run: ClientRun<'_>, set_up: Option<SetUp>) -> anyhow::Result<(Report, bool)> {
        let ClientRun { client, selection, plan, mut measure, folder, pins } = run;
        let (settings, options) = (&client.settings, self.options);
        let (tell, format) = (&options.tell, options.format);
        if self.several && format == Format::Human {
            client.heading().or_else(unless_closed)?;
        }
        let mut terminal =
            Terminal::new(anstream::stdout(), &client.again, client.reference && !self.several)
                .quiet(tell.quiet)
                .shard(selection.shard);
        let (began, started) = (Instant::now(), SystemTime::now());
        if format == Format::Human {
            terminal
                .head(&plan, settings)
                .and_then(|()| set_up.map_or(Ok(()), |set_up| terminal.set_up(set_up, &client.program())))
                .or_else(unless_closed)?;
        }

        let outcome = self.play(&plan, settings, &measure)?;
        terminal.stopped(outcome.not_played);
        let all = outcome.results;
        let updated = measure.update(&all)?;
        let summary = measure.summary(&all, self.deny_warnings);
        let took = set_up.map(|set_up| set_up.took).unwrap_or_default() + began.elapsed();
        let facts = RunFacts {
            shard: selection.shard,
            not_played: outcome.not_played,
            ..RunFacts::new(client.command(), settings, &summary, started, took)
        };
        let judged = JudgedClient {
            name: &client.name(),
            run: Some(facts),
            all: &all,
            summary: &summary,
            baseline: &measure.baseline,
            again: &|played| client.again.of(&played.scenario.id),
        };
        let report = Report::new(vec![ClientReport::new(judged)]);
        if let Some(folder) = &folder {
            folder.write(&report, &Matrix::new(&all, &summary, settings), &all)?;
        }
        let told = match format {
            Format::Human => terminal.finish(&all, &summary, took, folder.as_ref().map(Folder::path)),
            // All clients are printed as one report in the end.
            Format::Json => {
                tell.stopped(outcome.not_played);
                Ok(())
            }
        };
        let told = told.and_then(|()| updated.map_or(Ok(()), |updated| updated.tell_beside(format)));
        // A reader that left early changes nothing about what was found.
        told.or_else(unless_closed)?;
        let is_everything = selection.is_everything() && outcome.not_played == 0;
        let unfiltered = is_everything.then_some(self.scenarios);
        let as_pinned = match &pins {
            Some(pins) => options.pin.compare(pins, &all, unfiltered, format)?,
            None => true,
        };
        Ok((report, summary.as_expected() && as_pinned))
    }

    fn play(
        &self,
        plan: &[Arc<Scenario>],
        settings: &Settings,
        measure: &Measure,
    ) -> anyhow::Result<Outcome<Played>> {
        let tell = &self.options.tell;
        play(
            plan,
            tell.pace(settings, &self.interrupted),
            |scenario| scenario.id.as_str(),
            |scenario| scenario.slow,
            |played| tell.ends(played, measure, self.deny_warnings),
            |player, scenario| tell.play(player, scenario, settings),
        )
    }
}
