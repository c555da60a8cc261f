//! Finds the configuration.

use std::path::{Path, PathBuf};

/// The name of the configuration.
pub const FILE: &str = "crosscheck.toml";

/// The configuration in `folder`, or in the nearest folder above that has one.
pub fn discover(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_file_is_found_and_a_folder_of_its_name_is_none() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir(deep.join(FILE)).unwrap();
        fs::write(root.path().join(FILE), "").unwrap();
        assert_eq!(discover(&deep), Some(root.path().join(FILE)));
        fs::write(root.path().join("a").join(FILE), "").unwrap();
        assert_eq!(discover(&deep), Some(root.path().join("a").join(FILE)));
    }
}
