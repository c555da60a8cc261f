//! The canonical exchange of a run against those on file.

use crosscheck_scenarios::{Kind, Outcome, Scenario};
use crosscheck_wire::Transcript;

use super::canonical::{canonical, course, due};
use super::diff::{Line, lines};

/// How the canonical exchange differs from the nearest course on file; nothing where it is one of them.
///
/// Nothing is compared in a probe and of a scenario without a file, nor where the run took a course that is not on file
/// and that a client is free to take: any where the scenario leaves its outcome open, and stopping early, which a client
/// may do as soon as it sees what is wrong. Whether it got as far as the scenario asks is judged by other rows.
pub fn difference(scenario: &Scenario, transcript: &Transcript) -> Vec<Line> {
    if scenario.kind == Kind::Probe {
        return Vec::new();
    }
    let exchange = canonical(transcript);
    let own = course(&exchange);
    let courses: Vec<_> = crosscheck_snapshots::courses(scenario.id.as_str())
        .map(|(_, on_file)| due(transcript, &exchange, on_file))
        .collect();
    let is_free = scenario.expect.outcome == Outcome::Either || own.starts_with("stopped-");
    if is_free && courses.iter().all(|on_file| course(on_file) != own) {
        return Vec::new();
    }
    let differences = courses.iter().map(|on_file| lines(on_file, &exchange));
    differences.min_by_key(|lines| lines.iter().filter(|line| line.is_change()).count()).unwrap_or_default()
}
