//! The canonical exchange of every scenario, one file each, in the file format of insta.

use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR");

/// The snapshot of the scenario called `id`, as it stands in its file.
pub fn find(id: &str) -> Option<&'static str> {
    FILES.get_file(format!("{id}.snap"))?.contents_utf8()
}
