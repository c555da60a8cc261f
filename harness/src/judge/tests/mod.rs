//! The judge on transcripts written in code: the honest flow, and one bend at a time.

mod breaches;
mod freedoms;
mod runs;
mod sample;

use std::collections::BTreeSet;

use crosscheck_scenarios::Catalogue;

use super::evidence::Look;
use super::{ROOMS, judge};

use sample::Sample;

#[test]
fn every_row_has_a_check_and_every_check_a_row() {
    let rows: BTreeSet<_> = Catalogue::embedded().iter().map(|row| row.id.as_str()).collect();
    let rules: Vec<_> = ROOMS.iter().copied().flatten().map(|rule| rule.id).collect();
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

#[test]
fn judging_twice_gives_the_same() {
    let sample = Sample::honest();
    assert_eq!(judge(&sample.scenario, &sample.transcript), judge(&sample.scenario, &sample.transcript));
}
