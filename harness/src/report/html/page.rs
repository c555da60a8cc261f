//! What stands in front of a client's scenarios and behind them.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use crosscheck_scenarios::EndpointName;
use crosscheck_wire::Transcript;

use crate::report::html::findings::{Group, groups};
use crate::report::html::overview::{Counted, Requirement, Subject, requirements, subjects, totals};
use crate::report::html::{Tone, Transcripts};
use crate::report::model::{ClientReport, Report, ScenarioReport, ScenarioResult};
use crate::text::{count, seconds};

/// What the template in front of the scenarios takes.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    name: &'a str,
    as_expected: bool,
    verdict: String,
    /// The result that the colour of the verdict stands for.
    worst: ScenarioResult,
    /// Names and values, those with several values as a list.
    facts: Vec<(&'static str, Vec<Cow<'a, str>>)>,
    command: Option<&'a str>,
    /// What makes a pass mean less than it seems to.
    cautions: Vec<String>,
    stale: &'a [String],
    /// Findings that count.
    counted: Vec<Group<'a>>,
    /// Those that were expected.
    expected: Vec<Group<'a>>,
    /// Those that are only told.
    told: Vec<Group<'a>>,
    totals: Vec<Counted>,
    subjects: Vec<Subject<'a>>,
    scenarios: usize,
}

/// What the template behind them takes.
#[derive(Debug, Serialize)]
pub(super) struct Foot<'a> {
    /// Requirements that applied in at least one scenario.
    requirements: Vec<Requirement<'a>>,
    /// The ids of the others.
    not_applicable: Vec<&'a str>,
    crosscheck: &'a str,
}

impl<'a> Head<'a> {
    pub(super) fn new(report: &'a Report, client: &'a ClientReport, transcript: &Transcripts<'_>) -> Self {
        let mut counted = groups(report, client);
        let rest = counted.split_off(counted.partition_point(|group| group.tone > Tone::Expected));
        let (expected, told) = rest.into_iter().partition(|group| group.tone == Tone::Expected);
        Self {
            name: &client.name,
            as_expected: client.as_expected,
            verdict: verdict(client),
            worst: match (client.as_expected, client.counts.warned) {
                (false, _) => ScenarioResult::Failed,
                (true, 0) => ScenarioResult::Passed,
                (true, _) => ScenarioResult::Warned,
            },
            facts: facts(report, client),
            command: client.run.as_ref().map(|run| run.command.as_str()),
            cautions: cautions(client, transcript),
            stale: &client.stale,
            counted,
            expected,
            told,
            totals: totals(client),
            subjects: subjects(client),
            scenarios: client.scenarios.len(),
        }
    }
}

impl<'a> Foot<'a> {
    pub(super) fn new(report: &'a Report, client: &'a ClientReport) -> Self {
        let (requirements, others): (Vec<_>, Vec<_>) =
            requirements(report, client).into_iter().partition(Requirement::applied);
        let not_applicable = others.into_iter().map(|requirement| requirement.id).collect();
        Self { requirements, not_applicable, crosscheck: &report.crosscheck }
    }
}

/// Such as `Not as expected: 109 of 112 passed · 2 failed · 1 with warnings`.
fn verdict(client: &ClientReport) -> String {
    let verdict = if client.as_expected { "As expected" } else { "Not as expected" };
    format!("{verdict}: {}", client.headline())
}

fn facts<'a>(report: &'a Report, client: &'a ClientReport) -> Vec<(&'static str, Vec<Cow<'a, str>>)> {
    let mut facts = Vec::new();
    let mut fact = |name, values: Vec<Cow<'a, str>>| {
        if !values.is_empty() {
            facts.push((name, values));
        }
    };
    let each = |words: &'a [String]| words.iter().map(|word| Cow::Borrowed(word.as_str())).collect();
    if let Some(run) = &client.run {
        fact("profile", vec![run.profile.to_string().into()]);
        fact("documents", each(&run.documents));
        fact("MCP revision", vec![run.spec_version.as_str().into()]);
        fact("flow name", vec![run.flow_name.as_str().into()]);
        let declared = if run.declared.is_empty() { "nothing".to_owned() } else { run.declared.join(", ") };
        fact("declared", vec![declared.into()]);
    }
    fact("rules as of", client.as_of.iter().map(|release| release.as_str().into()).collect());
    fact("level", client.level_in_words.iter().map(|words| words.as_str().into()).collect());
    if let Some(run) = &client.run {
        if run.deny_warnings {
            fact("warnings", vec!["fail the run".into()]);
        }
        fact("shard", run.shard.iter().map(|shard| shard.to_string().into()).collect());
        fact("started", vec![run.started_at.as_str().into()]);
        fact("took", vec![seconds(Duration::from_millis(run.took_ms)).into()]);
    }
    fact("crosscheck", vec![report.crosscheck.as_str().into()]);
    facts
}

/// What makes a pass mean less than it seems to, the gravest first.
fn cautions(client: &ClientReport, transcript: &Transcripts<'_>) -> Vec<String> {
    let mut cautions = Vec::new();
    let applies = |scenario: &&ScenarioReport| scenario.result != ScenarioResult::NotApplicable;
    let mut recorded = client.scenarios.iter().filter(applies).filter_map(transcript).peekable();
    if client.counts.judged() == 0 {
        cautions.push(
            "No scenario applies: each needs what the client does not declare, so that nothing was judged."
                .to_owned(),
        );
    } else if recorded.peek().is_some() && !recorded.any(|transcript| reaches_second_leg(&transcript)) {
        cautions.push(
            "The client never asked the resource authorization server for an access token: rules about \
             the second half of the flow passed only because nothing was there to judge."
                .to_owned(),
        );
    }
    if client.level == Some(1) {
        let codes = match client.counts.codes_not_shown {
            0 => String::new(),
            codes => format!(" {} could not be judged.", count(codes, "error code")),
        };
        cautions.push(format!(
            "The client wrote no outcome report, so that what it tells its caller was not judged.{codes} \
             Write $CROSSCHECK_OUTCOME to have it judged."
        ));
    }
    if let Some(run) = &client.run {
        if run.not_played > 0 {
            let left = count(run.not_played, "scenario");
            cautions.push(format!("The run ended at the first failure: {left} more would have been played."));
        }
        if !run.missing_shards.is_empty() {
            let missing: Vec<_> = run.missing_shards.iter().map(ToString::to_string).collect();
            let missing = missing.join(", ");
            cautions.push(format!("Shards are missing, and with them their scenarios: {missing}."));
        }
        if let Some(shard) = &run.shard {
            cautions.push(format!("This is shard {shard} alone: the other scenarios were played elsewhere."));
        }
    }
    cautions
}

fn reaches_second_leg(transcript: &Transcript) -> bool {
    transcript
        .of_client()
        .any(|exchange| exchange.party.is_authorization_server() && exchange.endpoint == EndpointName::Token)
}
