//! The exchange as a whole against those on file: what differs and no other check explains.

use std::collections::BTreeSet;

use crosscheck_scenarios::{Catalogue, Party};

use crate::check::{Check, Comparison, Finding, Verdict};
use crate::snapshot::diff::{Line, Side};
use crate::snapshot::{Difference, difference};

use super::view::View;

/// The row.
pub(crate) const ID: &str = "run-exchange";

/// The check, after all `others`; none where its row is not active.
pub(super) fn check(view: &View<'_>, others: &[Check]) -> Option<Check> {
    let row = Catalogue::embedded().find(ID)?;
    row.severity(view.transcript.profile)?;
    let difference = difference(view.scenario, view.transcript);
    let place = |check: &Check| {
        let number = check.finding.as_ref()?.exchange?;
        view.transcript
            .exchanges
            .iter()
            .find(|exchange| exchange.number == number)
            .map(|exchange| exchange.party)
    };
    let explained: BTreeSet<_> =
        others.iter().filter(|check| check.verdict >= Verdict::Info).filter_map(place).collect();
    let ends = |check: &Check| ENDS.contains(&check.requirement.as_str()) && check.verdict >= Verdict::Warn;
    let is_ended = others.iter().any(ends);
    let (verdict, finding) = verdict(&difference, &explained, is_ended);
    Some(Check { requirement: row.id.clone(), at: None, verdict, finding })
}

/// Rows that say that the run ended otherwise than it must.
const ENDS: [&str; 2] = ["run-outcome", "run-reached"];

/// `explained` are the servers at which another row found something, and `is_ended` whether one says that the run ended
/// otherwise. A server's findings explain what was sent to it, and those of a stranger all that was sent on the way to
/// it; anything explains how it went on from there.
fn verdict(
    difference: &Difference,
    explained: &BTreeSet<Party>,
    is_ended: bool,
) -> (Verdict, Option<Finding>) {
    let Difference { lines, requests, strangers } = difference;
    let sent = requests.is_subset(explained) || !strangers.is_disjoint(explained);
    if lines.is_empty() {
        (Verdict::Pass, None)
    } else if sent && (!explained.is_empty() || is_ended) {
        let what = "what differs is told by another finding".to_owned();
        (Verdict::NotApplicable, Some(Finding { what, ..Finding::default() }))
    } else {
        (Verdict::Warn, Some(finding(lines)))
    }
}

fn finding(difference: &[Line]) -> Finding {
    let first = |side| {
        let line = difference.iter().find(|line| line.side == side && !line.text.is_empty());
        line.map_or("nothing", |line| line.text.trim()).to_owned()
    };
    let (expected, seen) = (first(Side::Old), first(Side::New));
    Finding {
        what: "The exchange is another than that of a conforming client, and no other check says why.".into(),
        compared: vec![Comparison { name: "exchange".into(), expected, seen }],
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::snapshot::diff::lines;

    use super::*;

    #[test]
    fn what_was_sent_is_explained_at_its_server_alone() {
        let lines = lines("idp\n  audience  one\n", "idp\n  audience  two\n");
        let sent =
            Difference { lines: lines.clone(), requests: [Party::Idp].into(), ..Difference::default() };
        let (warned, finding) = verdict(&sent, &[Party::As].into(), true);
        let compared = &finding.unwrap().compared[0];
        assert_eq!(warned, Verdict::Warn);
        assert_eq!((compared.expected.as_str(), compared.seen.as_str()), ("audience  one", "audience  two"));
        assert_eq!(verdict(&sent, &[Party::Idp].into(), false).0, Verdict::NotApplicable);
        assert_eq!(verdict(&Difference::default(), &BTreeSet::new(), false), (Verdict::Pass, None));

        let astray = Difference { strangers: [Party::Trap].into(), ..sent };
        assert_eq!(verdict(&astray, &[Party::Trap].into(), false).0, Verdict::NotApplicable);
        assert_eq!(verdict(&astray, &[Party::As].into(), false).0, Verdict::Warn);

        let followed = Difference { lines, ..Difference::default() };
        assert_eq!(verdict(&followed, &BTreeSet::new(), false).0, Verdict::Warn);
        assert_eq!(verdict(&followed, &[Party::As].into(), false).0, Verdict::NotApplicable);
        assert_eq!(verdict(&followed, &BTreeSet::new(), true).0, Verdict::NotApplicable);
    }
}
