//! The command that plays scenarios once more.

use std::collections::BTreeSet;

use crosscheck_scenarios::ScenarioId;

use crate::summary::Summary;

/// What such a command needs besides the scenarios.
#[derive(Clone, Debug)]
pub struct Again {
    /// Options that decide what is found, such as `--profile base`.
    pub options: Vec<String>,
    /// The client's command, as the user would type it; none where the options name it, or where it is the default.
    pub command: Option<String>,
}

impl Again {
    /// The command for one scenario.
    pub fn of(&self, id: &ScenarioId) -> String {
        self.line(&exact([id.as_str()]))
    }

    /// The command for the scenarios that fail a run by what was found in them; none where there is none, or where
    /// nothing selects just these in short.
    pub(super) fn failing(&self, summary: &Summary<'_>) -> Option<String> {
        let denied = summary.warnings.iter().filter(|_| summary.denies_warnings());
        let failing = summary.failures.iter().chain(denied).map(|found| found.played.scenario.id.as_str());
        Some(self.line(&selection(&failing.collect())?))
    }

    /// The command for what the words of `selection` select.
    fn line(&self, selection: &str) -> String {
        let words = ["crosscheck run"].into_iter().chain(self.options.iter().map(String::as_str));
        let client = self.command.iter().flat_map(|command| ["--", command]);
        words.chain([selection]).chain(client).collect::<Vec<_>>().join(" ")
    }
}

/// The words that select `ids`: their names where they are few, else the folder that all of them are in. None where
/// they have nothing in common, or where there are none.
fn selection(ids: &BTreeSet<&str>) -> Option<String> {
    if (1..=MOST).contains(&ids.len()) {
        return Some(exact(ids.iter().copied()));
    }
    // They are in order: what the first and the last have in common, all have.
    let (first, last) = (ids.first()?, ids.last()?);
    let common = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count();
    let folder = &first[..=first.as_bytes()[..common].iter().rposition(|byte| *byte == b'/')?];
    Some(shell_words::quote(folder).into_owned())
}

fn exact<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    format!("--exact {}", ids.into_iter().map(shell_words::quote).collect::<Vec<_>>().join(" "))
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
