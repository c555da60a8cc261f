//! Removes what an earlier report left behind in a folder that is used again.
//!
//! A transcript of a scenario that was not played this time would look like one of this run, to people and to
//! `crosscheck judge`. Nothing is removed but files that the earlier `report.json` accounts for.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::report::Report;
use crate::report::folder::{COMPARISON, OF_A_CLIENT, OF_A_SCENARIO, OVERVIEW, REPORT};
use crate::report::model::{ClientReport, ScenarioResult};

/// Removes from `folder` what the report that stands there has and `now` has not, and the folders that are empty then.
/// A `report.json` that cannot be read accounts for nothing.
///
/// # Errors
/// The path that could not be removed, and why.
pub(super) fn remove(folder: &Path, now: &Report) -> Result<(), (PathBuf, io::Error)> {
    let earlier = fs::read(folder.join(REPORT)).ok().and_then(|text| Report::parse(&text).ok());
    let Some(earlier) = earlier else { return Ok(()) };
    for name in files(&earlier).difference(&files(now)).filter(|name| is_below(name)) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Ok(()) => remove_empty(folder, &path),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err((path, error)),
        }
    }
    Ok(())
}

/// The files of a report besides those that every report has at its top.
fn files(report: &Report) -> BTreeSet<PathBuf> {
    match report.clients.as_slice() {
        [client] => of_client(client, Path::new("")).collect(),
        clients => {
            let of_clients = clients.iter().flat_map(|client| {
                let folder = Path::new(&client.name);
                let overview = OVERVIEW.iter().map(|name| folder.join(name));
                of_client(client, folder).chain(overview).collect::<Vec<_>>()
            });
            of_clients.chain([COMPARISON.into()]).collect()
        }
    }
}

fn of_client<'a>(client: &'a ClientReport, folder: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    let played = client.scenarios.iter().filter(|one| one.result != ScenarioResult::NotApplicable);
    let of_scenarios = played.flat_map(move |one| {
        let folder = folder.join(one.id.as_str());
        OF_A_SCENARIO.iter().map(move |name| folder.join(name))
    });
    OF_A_CLIENT.iter().map(move |name| folder.join(name)).chain(of_scenarios)
}

/// Whether a name that was read from a file stays within the folder it is joined to.
fn is_below(name: &Path) -> bool {
    name.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Whether there is nothing to remove: no such file, or a file where a folder was.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Removes the folders between `folder` and the removed `path` that hold nothing any more.
fn remove_empty(folder: &Path, path: &Path) {
    for above in path.ancestors().skip(1).take_while(|above| *above != folder) {
        // What is not empty stays, and so does everything above it.
        if fs::remove_dir(above).is_err() {
            return;
        }
    }
}
