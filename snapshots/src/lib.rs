//! The canonical exchange of every scenario, one file each, in the file format of insta.

use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR");

/// The canonical exchange of the scenario called `id`: the text of its file below the head.
pub fn find(id: &str) -> Option<&'static str> {
    let file = FILES.get_file(format!("{id}.snap"))?.contents_utf8()?;
    let (_, body) = file.strip_prefix("---\n")?.split_once("\n---\n")?;
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_found_without_its_head() {
        let text = find("flow/complete").expect("it is on file");
        assert!(text.starts_with("profile mcp\n") && text.ends_with("outcome  authorized\n"), "{text}");
        assert_eq!(find("flow/absent"), None);
    }
}
