//! `index.html`: a run as one page that needs nothing but a browser, and the comparison of several clients.
//!
//! Rust gathers what is shown as plain data, templates give it its form, and one formatter escapes every value. A page
//! is written scenario by scenario, so that it is never in memory as a whole.

mod compared;
mod comparison;
mod findings;
mod message;
mod overview;
mod page;
mod scenario;
mod sequence;
mod templates;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use crosscheck_wire::Transcript;

use crate::check::Verdict;
use crate::report::model::{CheckReport, ClientReport, Report, ScenarioReport, Standing};
use templates::{Template, render};

/// Where the transcript of a scenario comes from; none for one that was not played or whose file is gone.
pub(super) type Transcripts<'a> = dyn Fn(&ScenarioReport) -> Option<Cow<'a, Transcript>> + 'a;

/// Writes one client's page. `transcript` gives that of a scenario, from memory or from the saved file.
///
/// # Errors
/// When `out` does not take it.
pub(super) fn write_page(
    out: &mut dyn Write,
    report: &Report,
    client: &ClientReport,
    transcript: &Transcripts<'_>,
) -> io::Result<()> {
    out.write_all(render(Template::Head, &page::Head::new(report, client, transcript))?.as_bytes())?;
    let opens = scenario::Opens::of(client);
    let mut subject = "";
    for scenario in &client.scenarios {
        let begins = scenario.subject() != subject;
        subject = scenario.subject();
        let transcript = transcript(scenario);
        let section = scenario::Section::new(report, scenario, transcript.as_deref(), begins, opens);
        out.write_all(render(Template::Scenario, &section)?.as_bytes())?;
    }
    out.write_all(render(Template::Foot, &page::Foot::new(report, client))?.as_bytes())
}

/// Writes the comparison of several clients: subjects and scenarios as rows, clients as columns, each column linked to
/// `NAME/index.html` and each cell to the scenario there.
///
/// # Errors
/// When `out` does not take it.
pub(super) fn write_comparison(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    out.write_all(render(Template::Comparison, &comparison::Page::new(report))?.as_bytes())
}

/// How a check is shown. The order is that of importance.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
enum Tone {
    /// Without a word: it passed or did not apply.
    Plain,
    /// Worth telling.
    Told,
    /// It would count and was expected.
    Expected,
    /// A warning.
    Warned,
    /// A failure.
    Failed,
}

impl Tone {
    fn of(check: &CheckReport) -> Self {
        match (check.verdict, check.standing) {
            (Verdict::Pass | Verdict::NotApplicable, _) => Self::Plain,
            (_, Standing::Announced | Standing::Told) => Self::Told,
            (_, Standing::Expected) => Self::Expected,
            (_, Standing::Warning) => Self::Warned,
            (_, Standing::Failure) => Self::Failed,
        }
    }
}
