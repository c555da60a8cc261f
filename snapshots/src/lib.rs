//! The canonical exchange of every scenario, one file each, in the file format of insta.

use include_dir::{Dir, File, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR");

/// The scenarios that have a file.
pub fn scenarios() -> impl Iterator<Item = String> {
    let mut folders = vec![&FILES];
    let mut ids = Vec::new();
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        ids.extend(folder.files().filter_map(|file| {
            let name = file.path().to_str()?.strip_suffix(".snap")?;
            Some(name.split('@').next()?.to_owned())
        }));
    }
    ids.into_iter()
}

/// The permitted courses of the scenario called `id`: each by what its file is called behind the scenario's name, and
/// the text of the file below its head. That of the honest client comes first and has no name; the others are called
/// `@<course>`.
pub fn courses(id: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let (folder, name) = id.rsplit_once('/').unwrap_or(("", id));
    let name = name.to_owned();
    let files = FILES.get_dir(folder).unwrap_or(&FILES).files();
    let mut courses: Vec<_> = files.filter_map(|file| course(file, &name)).collect();
    courses.sort_unstable();
    courses.into_iter()
}

/// The course in a file, if it is one of the scenario with this name.
fn course(file: &'static File<'static>, name: &str) -> Option<(&'static str, &'static str)> {
    let course = file.path().file_name()?.to_str()?.strip_prefix(name)?.strip_suffix(".snap")?;
    let (_, text) = file.contents_utf8()?.strip_prefix("---\n")?.split_once("\n---\n")?;
    (course.is_empty() || course.starts_with('@')).then_some((course, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_found_without_its_head() {
        let (name, text) = courses("flow/complete").next().expect("it is on file");
        assert!(
            name.is_empty() && text.starts_with("idp ") && text.ends_with("outcome  authorized\n"),
            "{text}"
        );
        assert_eq!(courses("flow/absent").count(), 0);
    }

    #[test]
    fn the_course_of_the_honest_client_comes_first() {
        let names: Vec<_> =
            courses("discovery/token-endpoint-on-another-host").map(|(name, _)| name).collect();
        assert_eq!(names, ["", "@stopped-at-once"]);
    }
}
