//! Snapshot files: a head between two lines of dashes, then the text, as insta writes them.

use std::path::{Path, PathBuf};
use std::{fs, io};

use insta::Snapshot;

use crate::whole;

/// Why a snapshot file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is no snapshot.
    #[error("`{path}` is no snapshot file: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system does not let it be read.
    #[error("could not read `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The system does not let it be written.
    #[error("could not write `{path}`: {error}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// The text of the snapshot at `path`, without an end of line; `None` where there is no such file.
///
/// # Errors
/// When the file cannot be read, or is no snapshot.
pub fn read(path: &Path) -> Result<Option<String>, FileError> {
    let system = |error| FileError::Unreadable { path: path.to_owned(), error };
    let damaged = |why: &dyn ToString| FileError::Damaged { path: path.to_owned(), why: why.to_string() };
    // A checkout may have changed the ends of lines.
    match fs::read_to_string(path).map(|text| text.replace("\r\n", "\n")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(system(error)),
        // insta reads anything; without a head it is somebody else's file.
        Ok(text) if !(text.starts_with("---\n") && text.contains("\n---\n")) => {
            return Err(damaged(&"it has no head between two lines of `---`"));
        }
        Ok(_) => {}
    }
    let snapshot = Snapshot::from_file(path).map_err(|error| damaged(&error))?;
    let text = snapshot.as_text().ok_or_else(|| damaged(&"it holds no text"))?;
    Ok(Some(text.to_string().replace("\r\n", "\n").trim_end().to_owned()))
}

/// Writes the snapshot whole or not at all, its folders included. `description` says in one line what it is of.
///
/// # Errors
/// When the system refuses.
pub fn write(path: &Path, description: &str, text: &str) -> Result<(), FileError> {
    whole::write(path, |file| file.write_all(content(description, text).as_bytes()))
        .map_err(|error| FileError::Unwritable { path: path.to_owned(), error })
}

/// What stands in the file of a snapshot.
pub fn content(description: &str, text: &str) -> String {
    let description = serde_json::Value::from(description);
    format!("---\nsource: crosscheck\ndescription: {description}\n---\n{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.snap");
        write(&path, "a \"title\": one", "first\nsecond\n").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("first\nsecond"));
        assert_eq!(read(&folder.path().join("none.snap")).unwrap(), None);
        fs::write(&path, content("t", "first\nsecond").replace('\n', "\r\n")).unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("first\nsecond"));
        fs::write(&path, "no head").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no snapshot file"));
    }
}
