//! What selects the scenarios that failed once more.

use std::collections::BTreeSet;

use crate::summary::Summary;

/// The scenarios that fail a run by what was found in them, in the order of their ids.
pub(super) fn failing<'a>(summary: &'a Summary<'_>) -> BTreeSet<&'a str> {
    let denied = summary.warnings.iter().filter(|_| summary.denies_warnings());
    summary.failures.iter().chain(denied).map(|found| found.played.scenario.id.as_str()).collect()
}

/// The words that select `ids`: their names where they are few, else the folder that all of them are in. `None` where
/// they have nothing in common, or where there are none.
pub(super) fn selection(ids: &BTreeSet<&str>) -> Option<String> {
    if (1..=MOST).contains(&ids.len()) {
        let quoted = ids.iter().map(|id| shell_words::quote(id));
        return Some(format!("--exact {}", quoted.collect::<Vec<_>>().join(" ")));
    }
    // They are in order: what the first and the last have in common, all have.
    let (first, last) = (ids.first()?, ids.last()?);
    let common = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count();
    let folder = &first[..=first.as_bytes()[..common].iter().rposition(|byte| *byte == b'/')?];
    Some(shell_words::quote(folder).into_owned())
}

/// How many scenarios are named one by one.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(ids: &[&str]) -> Option<String> {
        selection(&ids.iter().copied().collect())
    }

    #[test]
    fn a_few_scenarios_are_named() {
        assert_eq!(selected(&["flow/b", "a c", "flow/a"]).as_deref(), Some("--exact 'a c' flow/a flow/b"));
        assert_eq!(selected(&[]), None);
    }

    #[test]
    fn many_are_selected_by_their_folder_where_they_have_one() {
        let numbered = |folder: &str| (0..9).map(|n| format!("{folder}{n}")).collect::<Vec<_>>();
        let selected = |ids: &[String]| selected(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(selected(&numbered("errors/idp/a")).as_deref(), Some("errors/idp/"));
        assert_eq!(
            selected(&[numbered("errors/idp/"), numbered("errors/as/")].concat()).as_deref(),
            Some("errors/")
        );
        assert_eq!(selected(&[numbered("errors/"), numbered("flow/")].concat()), None);
        assert_eq!(selected(&numbered("é")), None);
    }
}
