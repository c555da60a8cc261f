//! `crosscheck merge`: joins the reports of shards, or of several clients.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::eprintln;
use anyhow::Context as _;

use crate::cli::Hinted;
use crate::cli::github::tell_step_summary;
use crate::cli::output::unless_closed;
use crate::exit;
use crate::report::{
    ClientReport, Comparison, Folder, MATRIX, Matrix, MergeError, Merged, Origin, PAGE, REPORT, Report, merge,
};

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
    let merged = merge(reports.collect::<anyhow::Result<_>>()?).map_err(|error| hinted(&error))?;
    if let Some(folder) = options.folders.iter().find(|folder| same(folder, &options.report)) {
        return Err(Hinted::error(
            format!("`{}` is one of the reports that are joined", folder.display()),
            "write to another folder: --report OUT",
        ));
    }
    // Where the reports stand in the folder that is written, an earlier one's files may be theirs.
    if !options.folders.iter().any(|folder| is_within(folder, &options.report)) {
        Folder::open(options.report.clone())?.remove_earlier(&merged.report)?;
    }
    write(&options.report, &merged)?;
    let report = &merged.report;
    // The shards have annotated their findings themselves.
    tell_step_summary(report)?;
    tell(report, &options.report).or_else(unless_closed)?;
    let is_missing = |client: &ClientReport| client.run.iter().any(|run| !run.missing_shards.is_empty());
    if report.clients.iter().any(is_missing) {
        return Ok(ExitCode::from(exit::COULD_NOT_RUN));
    }
    Ok(exit::code(report.as_expected))
}

/// With the next thing to try.
fn hinted(error: &MergeError) -> anyhow::Error {
    let hint = match error {
        MergeError::Versions { .. } => "play all shards with one version",
        MergeError::Name { .. } => "join reports that `crosscheck run --report DIR` wrote and nobody changed",
        MergeError::Differ { .. } | MergeError::Twice { .. } => {
            "shards are joined that one command left, with `--shard 1/N` to `--shard N/N` and nothing else changed"
        }
    };
    Hinted::error(error.to_string(), hint)
}

/// Reads `report.json` of a report.
fn read(folder: &Path) -> anyhow::Result<Report> {
    let path = folder.join(REPORT);
    let text = fs::read(&path).map_err(|error| {
        Hinted::error(
            format!("could not read `{}`: {error}", path.display()),
            "name folders that `crosscheck run --report DIR` wrote",
        )
    })?;
    Report::parse(&text).with_context(|| format!("`{}` cannot be used", path.display()))
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn is_within(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one.starts_with(&other))
}

fn write(path: &Path, Merged { report, origins }: &Merged) -> anyhow::Result<()> {
    let whole = Folder::open(path.to_owned())?;
    for (client, origins) in report.clients.iter().zip(origins) {
        let matrix = matrix(client, origins)?;
        let folder = match report.clients.as_slice() {
            [_] => path.to_owned(),
            _ => path.join(&client.name),
        };
        let folder = Folder::open(folder)?;
        for Origin { folder: from, scenarios } in origins {
            scenarios.iter().try_for_each(|id| folder.copy_played(from, id))?;
        }
        folder.write_client(&report.of_client(client), &matrix)?;
    }
    if report.clients.len() > 1 {
        whole.write_comparison(report)?;
    }
    Ok(())
}

/// The error-handling matrix of a client.
fn matrix(client: &ClientReport, origins: &[Origin]) -> anyhow::Result<Matrix> {
    let part = |origin: &Origin| {
        let path = origin.folder.join(MATRIX);
        let text = fs::read(&path).with_context(|| format!("could not read `{}`", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is damaged", path.display()))
    };
    let parts = origins.iter().map(part).collect::<anyhow::Result<_>>()?;
    Matrix::joined(parts, client.level_in_words.clone()).context("a client without a report")
}

fn tell(report: &Report, path: &Path) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if report.clients.len() > 1 {
        writeln!(out, "{}", Comparison::new(report).by_subject())?;
    }
    for client in &report.clients {
        writeln!(out, "{}  {}", client.name, client.headline())?;
        for shard in client.run.iter().flat_map(|run| &run.missing_shards) {
            eprintln!("missing {}: shard {shard}", client.name);
        }
    }
    writeln!(out, "report  {}", path.join(PAGE).display())
}
