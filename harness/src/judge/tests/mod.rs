//! The judge on transcripts written in code: the honest flow, and one bend at a time.

mod answers;
mod breaches;
mod credentials;
mod documents;
mod failures;
mod freedoms;
mod refusals;
mod runs;
mod sample;
mod tokens;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crosscheck_scenarios::{
    AuthMethod, Call, Capability, Catalogue, Party, Profile, Scenario, SpecVersion, User,
};
use crosscheck_wire::transcript::{Ended, Exchange};
use crosscheck_wire::{Declared, Origins, RawClient, RawOutput, Stage, Transcript};

use crate::check::Verdict;

use super::evidence::Look;
use super::view::{Role, View};
use super::{ROOMS, judge, rules};

use sample::Sample;

#[test]
fn every_row_has_a_check_and_every_check_a_row() {
    let built = Catalogue::embedded().iter().filter(|row| row.planned.is_none());
    let rows: BTreeSet<_> = built.map(|row| row.id.as_str()).collect();
    let rules: Vec<_> = rules().collect();
    assert_eq!(rows, rules.iter().copied().collect());
    assert_eq!(rows.len(), rules.len(), "a rule stands in two rooms");
}

#[test]
fn a_rule_looks_at_each_party_exactly_where_its_row_names_parties() {
    for rule in ROOMS.iter().copied().flatten() {
        let row = Catalogue::embedded().find(rule.id).unwrap();
        assert_eq!(matches!(rule.look, Look::Each(_)), !row.at.is_empty(), "{}", rule.id);
    }
}

#[test]
fn no_row_covers_itself_over_others() {
    let catalogue = Catalogue::embedded();
    for row in catalogue.iter() {
        let mut open: Vec<_> = row.covers.iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            assert_ne!(*id, row.id);
            if seen.insert(id) {
                open.extend(catalogue.find(id.as_str()).into_iter().flat_map(|other| &other.covers));
            }
        }
    }
}

fn stage(scenario: Scenario) -> Stage {
    let origins = Origins(Party::ALL.map(|party| format!("http://{party}")));
    let (profile, version) = (Profile::Mcp, SpecVersion::V2025);
    Stage::new(Arc::new(scenario), profile, version, Declared::default(), origins)
}

/// The transcript of a client that did nothing but write a report.
fn closed(stage: &Stage, report: Option<Result<String, String>>) -> Transcript {
    let (stdout, stderr) = (RawOutput::default(), RawOutput::default());
    let client = RawClient { ended: Ended::Exited(0), took: Duration::ZERO, stdout, stderr, report };
    stage.close(client, Vec::new(), &HashSet::new())
}

#[test]
fn a_report_that_cannot_be_used_warns_of_the_adapter_alone() {
    let stage = stage(Sample::honest().scenario);
    for (text, is_readable) in [
        (r#"{"outcome": "authorized", "status": null, "more": 1}"#, true),
        ("authorized", false),
        ("[]", false),
        ("{}", false),
        (r#"{"outcome": "done"}"#, false),
        (r#"{"outcome": "refused", "status": "400"}"#, false),
        (r#"{"outcome": "refused", "members": []}"#, false),
        (r#"{"outcome": "refused", "error": {}}"#, false),
    ] {
        let mut sample = Sample::honest();
        sample.transcript.client.report = closed(&stage, Some(Ok(text.into()))).client.report;
        match is_readable {
            true => assert_eq!(sample.findings(), [], "{text}"),
            false => only(&sample, "run-report", Verdict::Warn),
        }
    }
    let mut sample = Sample::honest();
    sample.transcript.client.report = closed(&stage, Some(Err("it is no file".into()))).client.report;
    only(&sample, "run-report", Verdict::Warn);
}

#[test]
fn the_values_of_a_stage_have_the_roles_that_the_judge_knows() {
    let mut scenario = Sample::honest().scenario;
    scenario.client.idp_access_token = true;
    scenario.needs = vec![Capability::IdpAuth(AuthMethod::ClientSecretPost)];
    scenario.resource_as.auth_methods.push(AuthMethod::PrivateKeyJwt);
    scenario.second_as = Some(scenario.resource_as.clone());
    scenario.client.calls = vec![Call { to: Party::Mcp, tool: "t".into(), user: User::Second }];
    let stage = stage(scenario);
    stage.ledger.mint_token("id_jag", "the grant of this run", "idp.key", &[Party::As]);
    stage.ledger.mint_token("access_token", "the token of this run", "as.key", &[Party::Mcp]);
    let transcript = closed(&stage, None);
    let view = View::new(&stage.scenario, &transcript);
    let roles: Vec<_> =
        transcript.values.iter().map(|value| (value.name.as_str(), view.role(&value.name))).collect();
    assert_eq!(
        roles,
        [
            ("idp.client_id", None),
            ("idp.client_secret", Some(Role::Secret(Party::Idp))),
            ("as.client_id", None),
            ("as.client_secret", Some(Role::Secret(Party::As))),
            ("as.client_key", Some(Role::Key)),
            ("as2.client_id", None),
            ("as2.client_secret", Some(Role::Secret(Party::As2))),
            ("as2.client_key", Some(Role::Key)),
            ("id_token", Some(Role::SubjectToken)),
            ("other_id_token", Some(Role::SubjectToken)),
            ("idp_access_token", Some(Role::IdpAccessToken)),
            ("id_jag#1", Some(Role::Grant)),
            ("access_token#1", Some(Role::AccessToken)),
        ]
    );
}

#[test]
fn judging_twice_gives_the_same() {
    let sample = Sample::honest();
    assert_eq!(judge(&sample.scenario, &sample.transcript), judge(&sample.scenario, &sample.transcript));
}

/// Asserts that the run has exactly one finding, on `id`.
fn only(sample: &Sample, id: &str, verdict: Verdict) {
    assert_eq!(sample.findings(), [(id.to_owned(), verdict)]);
}

fn fails(sample: &Sample, id: &str) {
    only(sample, id, Verdict::Fail);
}

/// The honest flow with one exchange bent.
fn bent(at: usize, bend: impl FnOnce(&mut Exchange)) -> Sample {
    let mut sample = Sample::honest();
    sample.bend(at, bend);
    sample
}
