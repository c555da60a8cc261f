//! The catalogue of requirements: rows that make sense, and what a breach counts as by profile.

use crosscheck_scenarios::{Catalogue, Profile, Severity};

#[test]
fn the_catalogue_is_readable_and_its_ids_are_unique() {
    let mut ids: Vec<_> = Catalogue::embedded().iter().map(|row| row.id.as_str()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn a_row_is_planned_or_has_examples_and_covers_only_rows_that_have_checks() {
    let catalogue = Catalogue::embedded();
    for row in catalogue.iter() {
        let planned = row.planned.is_some();
        assert_eq!([row.right.is_empty(), row.wrong.is_empty()], [planned; 2], "{}", row.id);
        for covered in &row.covers {
            let covered = catalogue.find(covered.as_str()).unwrap_or_else(|| panic!("{}: {covered}", row.id));
            assert_eq!(covered.planned, None, "{} covers {}", row.id, covered.id);
        }
    }
}

#[test]
fn every_core_row_is_checked_but_those_of_odd_answers_and_of_tls() {
    let later = ["http-", "txr-", "txe-", "jbr-", "jbe-", "tls-"];
    let core = Catalogue::embedded().iter().filter(|row| row.priority == 1 && row.needs.is_empty());
    for row in core.filter(|row| row.planned.is_some()) {
        assert!(later.iter().any(|start| row.id.as_str().starts_with(start)), "{}", row.id);
    }
}

#[test]
fn a_severity_is_stated_only_where_the_row_is_active() {
    for row in Catalogue::embedded().iter() {
        for stated in &row.severity {
            assert!(stated.profile.includes(row.profile), "{} in {}", row.id, stated.profile);
        }
    }
}

#[test]
fn a_breach_counts_as_the_nearest_profile_states_it() {
    let severity = |id, profile| Catalogue::embedded().find(id).unwrap().severity(profile);
    assert_eq!(severity("res-403-scope-union", Profile::Mcp2025), Some(Severity::Info));
    assert_eq!(severity("res-403-scope-union", Profile::Mcp), Some(Severity::Warn));
    assert_eq!(severity("disc-asm-order-root", Profile::Strict), Some(Severity::Info));
    assert_eq!(severity("tx-resource-required-2025", Profile::Ema2025), Some(Severity::Fail));
    for profile in [Profile::Base, Profile::Mcp, Profile::Next] {
        assert_eq!(severity("tx-resource-required-2025", profile), None, "{profile}");
    }
    assert_eq!(severity("flow-order", Profile::Base), Some(Severity::Fail));
}
