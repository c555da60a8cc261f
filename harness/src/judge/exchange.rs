//! The exchange as a whole against those on file: what differs and no other check explains.

use crosscheck_scenarios::Catalogue;

use crate::check::{Check, Comparison, Finding, Verdict};
use crate::snapshot::diff::{Line, Side};
use crate::snapshot::difference;

use super::view::View;

/// The row.
pub(crate) const ID: &str = "run-exchange";

/// The check, after all `others`; none where its row is not active.
pub(super) fn check(view: &View<'_>, others: &[Check]) -> Option<Check> {
    let row = Catalogue::embedded().find(ID)?;
    row.severity(view.transcript.profile)?;
    let (verdict, finding) = verdict(&difference(view.scenario, view.transcript), others);
    Some(Check { requirement: row.id.clone(), at: None, verdict, finding })
}

fn verdict(difference: &[Line], others: &[Check]) -> (Verdict, Option<Finding>) {
    if difference.is_empty() {
        (Verdict::Pass, None)
    } else if others.iter().any(explains) {
        let what = "what differs is told by another finding".to_owned();
        (Verdict::NotApplicable, Some(Finding { what, ..Finding::default() }))
    } else {
        (Verdict::Warn, Some(finding(difference)))
    }
}

/// Whether a finding says why an exchange is another than that of a conforming client.
fn explains(check: &Check) -> bool {
    let names_exchange = check.finding.as_ref().is_some_and(|finding| finding.exchange.is_some());
    check.verdict >= Verdict::Warn || (check.verdict == Verdict::Info && names_exchange)
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
    use crosscheck_scenarios::RequirementId;

    use crate::snapshot::diff::lines;

    use super::*;

    fn check(verdict: Verdict, exchange: Option<usize>) -> Check {
        let requirement = RequirementId::new("tx-grant-type");
        Check { requirement, at: None, verdict, finding: Some(Finding { exchange, ..Finding::default() }) }
    }

    #[test]
    fn only_a_difference_that_nothing_explains_is_a_finding() {
        let difference = lines("idp\n  audience  one\n", "idp\n  audience  two\n");
        let passed = check(Verdict::Pass, None);
        assert_eq!(verdict(&[], std::slice::from_ref(&passed)), (Verdict::Pass, None));
        for other in [passed, check(Verdict::Info, None)] {
            let (verdict, finding) = verdict(&difference, &[other]);
            let compared = &finding.unwrap().compared[0];
            assert_eq!(verdict, Verdict::Warn);
            assert_eq!(
                (compared.expected.as_str(), compared.seen.as_str()),
                ("audience  one", "audience  two")
            );
        }
        for other in
            [check(Verdict::Info, Some(4)), check(Verdict::Warn, None), check(Verdict::Fail, Some(4))]
        {
            assert_eq!(verdict(&difference, &[other]).0, Verdict::NotApplicable);
        }
    }
}
