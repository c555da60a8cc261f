//! The pages, their blocks and their prose.

use std::fs;
use std::path::{Path, PathBuf};

use crosscheck_reference_client::Fault;
use crosscheck_scenarios::Scenarios;

/// A page of the documentation.
pub(super) struct Page {
    /// Its path below the root of the repository.
    pub(super) name: String,
    pub(super) text: String,
}

/// A fenced block of a page.
#[cfg(unix)]
pub(super) struct Block {
    /// The language, and what else stands behind the fence.
    pub(super) info: String,
    pub(super) text: String,
    /// The line of its fence, from 1.
    pub(super) line: usize,
}

impl Page {
    pub(super) fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), text: text.replace("\r\n", "\n") }
    }

    /// Every page: the README, that of the clients, how to contribute, and `docs/`.
    pub(super) fn all() -> Vec<Self> {
        let mut names =
            vec!["CONTRIBUTING.md".to_owned(), "README.md".to_owned(), "clients/README.md".to_owned()];
        names.extend(pages_in_docs());
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// The blocks in their order.
    #[cfg(unix)]
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let Some(info) = line.trim_start().strip_prefix("```") else { continue };
            let body = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim_start() != "```");
            let text = body.fold(String::new(), |text, line| text + line + "\n");
            blocks.push(Block { info: info.to_owned(), text, line: number + 1 });
        }
        blocks
    }

    /// The text without its blocks, a line for each line.
    pub(super) fn prose(&self) -> String {
        let mut within = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            let fence = line.trim_start().starts_with("```");
            prose += if within || fence { "" } else { line };
            prose += "\n";
            within ^= fence;
        }
        prose
    }
}

/// The pages in `docs/`, sorted.
pub(super) fn pages_in_docs() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs")).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("the folder can be read").file_name());
    let names = names.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".md"));
    let mut names: Vec<_> = names.map(|name| format!("docs/{name}")).collect();
    names.sort();
    names
}

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The scenarios of the binary.
pub(super) fn scenarios() -> Scenarios {
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
    Scenarios::embedded(&faults).expect("the embedded scenarios are tested")
}
