//! `crosscheck merge`: joins the reports of shards, or of several clients.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::eprintln;
use anyhow::Context as _;

use crate::cli::Hinted;
use crate::cli::run::{tell_step_summary, unless_closed};
use crate::exit;
use crate::report::{Comparison, Folder, Matrix, Merged, PAGE, Part, Report, headline, merge, merged_report};

/// Options of `crosscheck merge`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct MergeOptions {
    /// Folders that `crosscheck run --report DIR` wrote
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Where to write the joined report
    #[arg(long, value_name = "OUT")]
    report: PathBuf,
}

/// Joins the reports and tells what is missing. The exit code is that of the whole run, and 2 where a shard is missing.
pub(super) fn merge_reports(options: &MergeOptions) -> anyhow::Result<ExitCode> {
    let reports = options.folders.iter().map(|folder| Ok((folder.clone(), read(folder)?)));
    let reports = reports.collect::<anyhow::Result<Vec<_>>>()?;
    let merged = merge(reports.iter().flat_map(|(folder, report)| parts(folder, report)).collect());
    let merged = merged.map_err(|error| Hinted::error(error.to_string(), NOT_OF_ONE_RUN))?;
    let report = merged_report(&merged, &reports);
    let report =
        report.map_err(|error| Hinted::error(error.to_string(), "play all shards with one version"))?;
    if let Some(folder) = options.folders.iter().find(|folder| same(folder, &options.report)) {
        return Err(Hinted::error(
            format!("`{}` is one of the reports that are joined", folder.display()),
            "write to another folder: --report OUT",
        ));
    }
    // Where the reports stand in the folder that is written, an earlier one's files may be theirs.
    if !options.folders.iter().any(|folder| is_within(folder, &options.report)) {
        Folder::open(options.report.clone())?.remove_earlier(&report)?;
    }
    write(&options.report, &report, &merged)?;
    // The shards have annotated their findings themselves.
    tell_step_summary(&report)?;
    tell(&report, &options.report).or_else(unless_closed)?;
    let missing = report.clients.iter().filter_map(|client| client.run.as_ref());
    let missing: usize = missing.map(|run| run.missing_shards.len()).sum();
    Ok(match missing {
        0 => exit::code(report.as_expected),
        _ => ExitCode::from(exit::COULD_NOT_RUN),
    })
}

const NOT_OF_ONE_RUN: &str =
    "shards are joined that one command left, with `--shard 1/N` to `--shard N/N` and nothing else changed";

/// Reads `report.json` of a report.
fn read(folder: &Path) -> anyhow::Result<Report> {
    let path = folder.join("report.json");
    let text = fs::read(&path).map_err(|error| {
        Hinted::error(
            format!("could not read `{}`: {error}", path.display()),
            "name folders that `crosscheck run --report DIR` wrote",
        )
    })?;
    Report::parse(&text).with_context(|| format!("`{}` cannot be used", path.display()))
}

fn parts(folder: &Path, report: &Report) -> Vec<Part> {
    let part = |name: &str| if report.clients.len() == 1 { folder.to_owned() } else { folder.join(name) };
    report.clients.iter().map(|client| Part { folder: part(&client.name), client: client.clone() }).collect()
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn is_within(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one.starts_with(&other))
}

fn write(path: &Path, report: &Report, merged: &[Merged]) -> anyhow::Result<()> {
    let whole = Folder::open(path.to_owned())?;
    for one in merged {
        let matrix = matrix(one)?;
        let folder = match merged {
            [_] => Folder::open(path.to_owned())?,
            _ => whole.of_client(&one.client.name)?,
        };
        for from in &one.folders {
            for scenario in &one.client.scenarios {
                folder.copy_played(from, &scenario.id)?;
            }
        }
        let own = Report {
            as_expected: one.client.as_expected,
            clients: vec![one.client.clone()],
            ..report.clone()
        };
        folder.write_client(&own, &matrix)?;
    }
    if merged.len() > 1 {
        whole.write_comparison(report)?;
    }
    Ok(())
}

/// The error-handling matrix of a client.
fn matrix(merged: &Merged) -> anyhow::Result<Matrix> {
    let mut whole: Option<Matrix> = None;
    for folder in &merged.folders {
        let path = folder.join("errors.json");
        let text = fs::read(&path).with_context(|| format!("could not read `{}`", path.display()))?;
        let part =
            serde_json::from_slice(&text).with_context(|| format!("`{}` is damaged", path.display()))?;
        match &mut whole {
            Some(whole) => whole.add(part),
            None => whole = Some(part),
        }
    }
    let mut whole = whole.context("a client without a report")?;
    whole.set_level_in_words(merged.client.level_in_words.clone());
    Ok(whole)
}

fn tell(report: &Report, path: &Path) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if report.clients.len() > 1 {
        writeln!(out, "{}", Comparison::new(report).by_subject())?;
    }
    for client in &report.clients {
        writeln!(out, "{}  {}", client.name, headline(client))?;
        for shard in client.run.iter().flat_map(|run| &run.missing_shards) {
            eprintln!("missing {}: shard {shard}", client.name);
        }
    }
    writeln!(out, "report  {}", path.join(PAGE).display())
}
