//! The catalogue as pages of the documentation: `crosscheck list --requirements --format markdown`, and `--profiles`.
//!
//! Both are committed in `docs/`, where a test holds them equal to what is written here.

use std::io::{self, Write};

use crosscheck_reference_client::Fault;
use crosscheck_scenarios::{Catalogue, Profile, Requirement, Scenario, Scenarios, Severity};

use crate::report::address;

/// Writes every requirement with what it demands, what a breach counts as, and what proves its check.
pub(super) fn requirements(
    out: &mut impl Write,
    rows: &[&Requirement],
    scenarios: &Scenarios,
) -> io::Result<()> {
    let checked = rows.iter().filter(|row| row.is_checked()).count();
    writeln!(
        out,
        "# Requirements\n\n<!-- Written by `crosscheck list --requirements --format markdown`. -->\n"
    )?;
    let planned = rows.len() - checked;
    writeln!(out, "{} requirements: {checked} checked, {planned} planned.\n", rows.len())?;
    writeln!(out, "{REQUIREMENTS_HEAD}\n")?;
    writeln!(out, "| Subject | Checked | Planned |\n|---|---:|---:|")?;
    let of = |prefix: &str| rows.iter().filter(|row| subject(row) == prefix).collect::<Vec<_>>();
    for (prefix, title) in SUBJECTS {
        let rows = of(prefix);
        let checked = rows.iter().filter(|row| row.is_checked()).count();
        if !rows.is_empty() {
            let anchor = title.to_lowercase().replace(' ', "-");
            writeln!(out, "| [{title}](#{anchor}) | {checked} | {} |", rows.len() - checked)?;
        }
    }
    for (prefix, title) in SUBJECTS {
        for (place, row) in of(prefix).into_iter().enumerate() {
            if place == 0 {
                writeln!(out, "\n## {title}")?;
            }
            requirement(out, row, scenarios)?;
        }
    }
    Ok(())
}

fn requirement(out: &mut impl Write, row: &Requirement, scenarios: &Scenarios) -> io::Result<()> {
    let state = if row.is_checked() { "checked" } else { "planned" };
    writeln!(out, "\n### {}\n\n**{}** · {state} · {}\n", row.id, row.keyword, severities(row))?;
    let sources: Vec<_> = row.source.iter().map(|source| linked(source)).collect();
    writeln!(out, "{}\n\n- Source: {}\n- Mend: {}", row.summary, sources.join("; "), row.mend)?;
    if !row.at.is_empty() {
        let ids: Vec<_> = row.at.iter().map(|party| format!("`{}@{party}`", row.id)).collect();
        writeln!(out, "- Reported as: {}", ids.join(", "))?;
    }
    if !row.needs.is_empty() {
        let needs: Vec<_> = row.needs.iter().map(|need| format!("`{need}`")).collect();
        writeln!(out, "- Needs: {}", needs.join(", "))?;
    }
    if let Some(reason) = &row.planned {
        writeln!(out, "- Planned: {reason}")?;
    }
    let asking: Vec<_> =
        scenarios.iter().filter(|scenario| scenario.requirements.contains(&row.id)).collect();
    if !asking.is_empty() {
        writeln!(out, "- Asked for in {}", asked_in(&asking))?;
    }
    let faults: Vec<_> = Fault::ALL.iter().filter(|fault| fault.trips().contains(&row.id.as_str())).collect();
    if !faults.is_empty() {
        let slugs: Vec<_> = faults.iter().map(|fault| format!("`{}`", fault.slug())).collect();
        writeln!(out, "- Proved by {}", slugs.join(", "))?;
    }
    Ok(())
}

/// A source, as a link where it can be read.
fn linked(source: &str) -> String {
    address(source).map_or_else(|| source.to_owned(), |address| format!("[{source}]({address})"))
}

/// The names where they are few, else their number by subject.
fn asked_in(scenarios: &[&Scenario]) -> String {
    if scenarios.len() <= NAMED {
        let ids: Vec<_> = scenarios.iter().map(|scenario| format!("`{}`", scenario.id)).collect();
        return ids.join(", ");
    }
    let mut subjects: Vec<(&str, usize)> = Vec::new();
    for scenario in scenarios {
        let subject = scenario.id.as_str().split('/').next().unwrap_or_default();
        match subjects.iter_mut().find(|(name, _)| *name == subject) {
            Some((_, count)) => *count += 1,
            None => subjects.push((subject, 1)),
        }
    }
    let counts: Vec<_> = subjects.iter().map(|(name, count)| format!("`{name}/` {count}")).collect();
    format!("{} scenarios: {}", scenarios.len(), counts.join(", "))
}

/// What a breach counts as, by profile.
fn severities(row: &Requirement) -> String {
    let by = [Severity::Fail, Severity::Warn, Severity::Info].into_iter().filter_map(|severity| {
        let profiles = Profile::ALL.into_iter().filter(|profile| row.severity(*profile) == Some(severity));
        let names: Vec<_> = profiles.map(Profile::as_str).collect();
        match names.len() {
            0 => None,
            all if all == Profile::ALL.len() => Some(format!("{severity} in every profile")),
            _ => Some(format!("{severity} in {}", names.join(", "))),
        }
    });
    by.collect::<Vec<_>>().join("; ")
}

/// Writes what each profile judges by, and how much.
pub(super) fn profiles(out: &mut impl Write, scenarios: &Scenarios) -> io::Result<()> {
    writeln!(out, "# Profiles\n\n<!-- Written by `crosscheck list --profiles --format markdown`. -->\n")?;
    writeln!(out, "{PROFILES_HEAD}\n")?;
    writeln!(out, "| Profile | Stands on | Checked | Fail | Warn | Info | Planned | Scenarios |")?;
    writeln!(out, "|---|---|---:|---:|---:|---:|---:|---:|")?;
    for profile in Profile::ALL {
        let counts = Counts::of(profile, scenarios);
        let parent = profile.parent().map_or("–".to_owned(), |parent| format!("[`{parent}`](#{parent})"));
        let Counts { checked, fail, warn, info, planned, scenarios } = counts;
        writeln!(
            out,
            "| [`{profile}`](#{profile}) | {parent} | {checked} | {fail} | {warn} | {info} | {planned} | {scenarios} |"
        )?;
    }
    for profile in Profile::ALL {
        writeln!(out, "\n## {profile}\n")?;
        let default = if profile == Profile::default() { " The default." } else { "" };
        writeln!(out, "{}{default}\n", described(profile))?;
        for document in profile.documents() {
            writeln!(out, "- {document}")?;
        }
        let differs = |row: &&Requirement| {
            let parent = profile.parent().and_then(|parent| row.severity(parent));
            row.severity(profile) != parent && !row.is_of_run()
        };
        let own: Vec<_> = Catalogue::embedded().iter().filter(differs).collect();
        let Some(parent) = profile.parent() else { continue };
        if own.is_empty() {
            // What it does otherwise, it does at the finding.
            writeln!(out, "\nThe requirements and severities of `{parent}`.")?;
            continue;
        }
        writeln!(
            out,
            "\nWhat differs from `{parent}`:\n\n| Requirement | `{parent}` | `{profile}` |\n|---|---|---|"
        )?;
        for row in own {
            let id = &row.id;
            let is =
                |profile| row.severity(profile).map_or("–".to_owned(), |severity| severity.to_string());
            writeln!(out, "| [`{id}`](requirements.md#{id}) | {} | {} |", is(parent), is(profile))?;
        }
    }
    Ok(())
}

/// What a profile is in one sentence, as the schema of the configuration says it.
fn described(profile: Profile) -> String {
    let schema = schemars::schema_for!(Profile).to_value();
    let profiles = schema["oneOf"].as_array().into_iter().flatten();
    let mut own = profiles.filter(|entry| entry["const"] == profile.as_str());
    own.next().and_then(|entry| entry["description"].as_str()).unwrap_or_default().to_owned()
}

/// Writes the profiles for a terminal: name, counts, documents.
pub(super) fn profiles_in_brief(out: &mut impl Write, scenarios: &Scenarios) -> io::Result<()> {
    for profile in Profile::ALL {
        let Counts { checked, fail, warn, info, scenarios, .. } = Counts::of(profile, scenarios);
        let counts = format!("{checked} requirements: {fail} fail, {warn} warn, {info} told only");
        writeln!(out, "{profile:<15} {scenarios} scenarios, {counts}")?;
        for document in profile.documents() {
            writeln!(out, "{:<15} {document}", "")?;
        }
    }
    Ok(())
}

/// How much a profile judges.
struct Counts {
    /// Requirements that a check judges; the next three are these by what a breach counts as.
    checked: usize,
    fail: usize,
    warn: usize,
    info: usize,
    /// Requirements that no check judges yet.
    planned: usize,
    scenarios: usize,
}

impl Counts {
    fn of(profile: Profile, scenarios: &Scenarios) -> Self {
        let active = |row: &&Requirement| row.severity(profile).is_some() && !row.is_of_run();
        let rows: Vec<_> = Catalogue::embedded().iter().filter(active).collect();
        let checked: Vec<_> = rows.iter().filter(|row| row.is_checked()).collect();
        let is = |severity| checked.iter().filter(|row| row.severity(profile) == Some(severity)).count();
        Self {
            checked: checked.len(),
            fail: is(Severity::Fail),
            warn: is(Severity::Warn),
            info: is(Severity::Info),
            planned: rows.len() - checked.len(),
            scenarios: scenarios.iter().filter(|scenario| scenario.belongs_to(profile)).count(),
        }
    }
}

/// What the id of a requirement begins with, which is its subject.
fn subject(row: &Requirement) -> &str {
    row.id.as_str().split('-').next().unwrap_or_default()
}

/// Up to so many scenarios are named one by one.
const NAMED: usize = 5;

const SUBJECTS: [(&str, &str); 20] = [
    ("flow", "The flow"),
    ("disc", "Discovery"),
    ("tx", "Token exchange"),
    ("txr", "Answers of the token exchange"),
    ("txe", "Errors of the token exchange"),
    ("jb", "JWT bearer grant"),
    ("jbr", "Answers of the JWT bearer grant"),
    ("jbe", "Errors of the JWT bearer grant"),
    ("cauth", "Client authentication"),
    ("cid", "Client identifiers"),
    ("http", "HTTP"),
    ("res", "Resource access"),
    ("life", "Lifetimes and caches"),
    ("multi", "Several servers"),
    ("conf", "Confidentiality"),
    ("tls", "TLS"),
    ("dpop", "DPoP"),
    ("rar", "Rich authorization requests"),
    ("saml", "SAML"),
    ("pend", "Open proposals"),
];

const REQUIREMENTS_HEAD: &str = "\
What is demanded of a client, and how it is known that the demand is checked. A breach counts as `fail`, as `warn`, which
fails a run with `--deny warnings`, or as `info`, which is told and never counted; [profiles](profiles.md) differ in
that. A requirement that is planned has no check yet, for the reason that stands with it. *Asked for* names the scenarios
that exist to provoke a breach; a breach is found in any other as well. *Proved by* names the faults of the reference
client that the check must find, each of which `crosscheck self-test` plays.";

const PROFILES_HEAD: &str = "\
The documents that a client is judged by, chosen with `--profile`. A profile has the rules of the one that it stands on,
and says where a breach counts differently. *Checked* counts the [requirements](requirements.md) that a check judges, by
what a breach of them counts as.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_has_a_subject_with_a_title() {
        for row in Catalogue::embedded().iter().filter(|row| !row.is_of_run()) {
            assert!(SUBJECTS.iter().any(|(prefix, _)| *prefix == subject(row)), "{}", row.id);
        }
    }
}
