//! Embeds every script of this crate's folders, so that the binary needs no files.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed={}", root.display());
    let mut scripts = Vec::new();
    collect(&root, &mut scripts);
    scripts.sort();

    let mut table = String::from("&[\n");
    for path in scripts {
        let id = path.strip_prefix(&root).expect("collected below the root").with_extension("");
        let id = id.to_str().expect("script names are UTF-8").replace('\\', "/");
        writeln!(table, "({id:?}, include_str!({path:?})),").expect("writing to a string succeeds");
    }
    table.push(']');
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("embedded.rs"), table).expect("the build folder is writable");
}

/// Scripts stand in the subject folders; the files beside this one are not scripts.
fn collect(folder: &Path, scripts: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the crate's folders are readable") {
        let path = entry.expect("the crate's folders are readable").path();
        if path.is_dir() {
            collect(&path, scripts);
        } else if path.extension().is_some_and(|end| end == "toml")
            && path.parent() != Some(Path::new(env!("CARGO_MANIFEST_DIR")))
        {
            scripts.push(path);
        }
    }
}
