//! Commands, options, scenarios, requirements, faults and profiles that the pages name.

use std::collections::{BTreeMap, BTreeSet};

use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{Catalogue, Profile};

use super::{Page, scenarios};
use crate::crosscheck;
use crate::generated::commands;

#[test]
fn every_command_has_its_place_in_the_table_of_the_readme() {
    let readme = Page::read("README.md").text;
    let table = readme.split("\n| Command |").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let cells = table.lines().skip(2).filter_map(|row| row.split('|').nth(1));
    let named: BTreeSet<_> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let commands = commands();
    assert_eq!(named, commands.iter().map(String::as_str).collect());
}

#[test]
fn every_option_that_is_named_is_one() {
    let helps: BTreeMap<_, _> = commands()
        .into_iter()
        .map(|name| (name.clone(), options(&crosscheck(&[&name, "--help"]).stdout)))
        .collect();
    let mut wrong = Vec::new();
    for page in Page::all() {
        let lines = page.text.lines().enumerate().map(|(number, line)| (number + 1, line));
        for (number, line) in lines {
            for call in calls(line) {
                // What stands behind `--` belongs to the client, which may be crosscheck again.
                for (place, part) in call.split(" -- ").enumerate() {
                    let part = part.trim_start_matches("crosscheck ");
                    let Some(help) = part.split_whitespace().next().and_then(|name| helps.get(name)) else {
                        continue;
                    };
                    if place > 0 && !part.starts_with("reference-client") {
                        continue;
                    }
                    for option in options(part).difference(help) {
                        wrong.push(format!(
                            "{}:{number}: `{option}` is no option of `crosscheck {part}`",
                            page.name
                        ));
                    }
                }
            }
            // An option by itself, in backticks, is one of some command.
            for code in line.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--")) {
                for option in options(code) {
                    let known = FOREIGN.contains(&option.as_str())
                        || helps.values().any(|help| help.contains(&option));
                    if !known {
                        wrong.push(format!("{}:{number}: no command has `{option}`", page.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Options of other programs.
const FOREIGN: [&str; 5] = ["--locked", "--network", "--output-dir", "--partition", "--scenario"];

/// The calls of crosscheck in a line, up to the end of the code that they stand in.
fn calls(line: &str) -> impl Iterator<Item = &str> {
    let starts = line.match_indices("crosscheck ").filter(|(place, _)| {
        let before = line[..*place].chars().next_back();
        // The client of another call is part of that call.
        matches!(before, None | Some('`' | ' ' | '(')) && !line[..*place].ends_with("-- ")
    });
    starts.map(|(place, _)| line[place..].split(['`', '#', '|', ';']).next().unwrap_or_default())
}

/// The long options in `text`.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    let long = words.filter(|word| word.len() > 2 && word.starts_with("--") && !word.starts_with("---"));
    long.map(str::to_owned).collect()
}

#[test]
fn every_scenario_requirement_fault_and_profile_that_is_named_is_one() {
    let scenarios = scenarios();
    let scenario_ids: BTreeSet<_> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    let subjects: BTreeSet<_> = scenario_ids.iter().filter_map(|id| id.split('/').next()).collect();
    let prefixes: BTreeSet<_> =
        Catalogue::embedded().iter().filter_map(|row| row.id.as_str().split('-').next()).collect();
    let mut wrong = Vec::new();
    for page in Page::all() {
        let words = page.text.split(|c: char| c.is_whitespace() || "`'\"(),;:".contains(c));
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let known = match pair[0] {
                "--fault" => Fault::ALL.iter().any(|fault| fault.slug() == pair[1]) || pair[1] == "…",
                "--control" => Control::ALL.iter().any(|control| control.slug() == pair[1]),
                "--profile" => {
                    pair[1].parse::<Profile>().is_ok() || !pair[1].starts_with(char::is_alphabetic)
                }
                "explain" => {
                    let id = pair[1];
                    let meant = id.chars().all(|c| c.is_ascii_lowercase() || "-/".contains(c))
                        && id.contains(['-', '/']);
                    !meant || scenario_ids.contains(id) || Catalogue::embedded().find(id).is_some()
                }
                _ => true,
            };
            if !known {
                wrong.push(format!("{}: {} {}", page.name, pair[0], pair[1]));
            }
        }
        for code in page.text.split('`').skip(1).step_by(2) {
            let slug =
                code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/@".contains(c));
            if !slug || code.ends_with('/') {
                continue;
            }
            let (head, _) = code.split_once('/').unwrap_or_default();
            // A page may show a scenario of the reader's own; it says so by its folder.
            if subjects.contains(head) && !scenario_ids.contains(code) && !OTHERS.contains(&code) {
                wrong.push(format!("{}: there is no scenario `{code}`", page.name));
            }
            let prefix = code.split('-').next().unwrap_or_default();
            let id = code.split('@').next().unwrap_or_default();
            let row = prefixes.contains(prefix) && code.contains('-') && !code.contains('/');
            if row && Catalogue::embedded().find(id).is_none() && !OTHERS.contains(&code) {
                wrong.push(format!("{}: there is no requirement `{code}`", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What looks like a scenario or a requirement and is something else: scenarios of the official suite, and a key.
const OTHERS: [&str; 3] = ["auth/basic-cimd", "auth/enterprise-managed-authorization", "flow-name"];
