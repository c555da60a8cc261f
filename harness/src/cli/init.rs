//! `crosscheck init`.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crosscheck_scenarios::{AuthMethod, Capability, Profile};

use crate::cli::Hinted;
use crate::config::{FILE, TEMPLATE, is_name};
use crate::exit;
use crate::whole;

/// Options of `crosscheck init`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct InitOptions {
    /// Overwrite a configuration that is there
    #[arg(long)]
    force: bool,
}

/// Writes the configuration into the current folder, with what can be guessed there.
pub(super) fn init(options: &InitOptions) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir().context("could not find the current folder")?;
    let path = Path::new(FILE);
    if !options.force && std::fs::symlink_metadata(path).is_ok() {
        return Err(Hinted::error(format!("there is a {FILE} here already"), "`--force` overwrites it"));
    }
    let text = text(&here);
    whole::write(path, |file| file.write_all(text.as_bytes()))
        .with_context(|| format!("could not write `{FILE}`"))?;
    let mut out = io::stdout().lock();
    writeln!(out, "wrote   {FILE}: say there how your client is started, then")?;
    writeln!(out, "check   crosscheck doctor   (it starts, and its requests arrive)")?;
    writeln!(out, "drive   crosscheck run")?;
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// What a project of one language is recognised by, and how its programs are usually started.
struct Language {
    /// The name of a file, or its ending with a `.` in front.
    file: &'static str,
    command: &'static [&'static str],
    setup: &'static [&'static str],
}

const LANGUAGES: [Language; 7] = [
    Language { file: "package.json", command: &["node", "crosscheck-client.mjs"], setup: &["npm", "ci"] },
    Language {
        file: "pyproject.toml",
        command: &["python3", "crosscheck_client.py"],
        setup: &["python3", "-m", "pip", "install", "-e", "."],
    },
    Language {
        file: "go.mod",
        command: &["./crosscheck-client"],
        setup: &["go", "build", "./cmd/crosscheck-client"],
    },
    Language {
        file: "Cargo.toml",
        command: &["target/debug/examples/crosscheck-client"],
        setup: &["cargo", "build", "--example", "crosscheck-client"],
    },
    Language {
        file: "Gemfile",
        command: &["bundle", "exec", "ruby", "crosscheck_client.rb"],
        setup: &["bundle", "install"],
    },
    Language {
        file: "pom.xml",
        command: &["java", "-jar", "target/crosscheck-client.jar"],
        setup: &["mvn", "--quiet", "package"],
    },
    Language {
        file: ".csproj",
        command: &["dotnet", "run", "--no-build", "--"],
        setup: &["dotnet", "build"],
    },
];

/// Where nothing is recognised.
const UNKNOWN: Language = Language { file: "", command: &["./my-client"], setup: &["make"] };

/// The configuration for a project in `folder`.
fn text(folder: &Path) -> String {
    let language = recognised(folder);
    let (language, guess) = match &language {
        Some((language, file)) => {
            (*language, format!("Guessed from {file}: put the path of your program in its place."))
        }
        None => (&UNKNOWN, "Put the path of your program in its place.".to_owned()),
    };
    let folder = folder.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name));
    let has_its_key = |word: &Capability| {
        matches!(word, Capability::AsAuth(_) | Capability::IdpAuth(_) | Capability::PinnedIssuer)
    };
    let capabilities = Capability::all().into_iter().filter(|word| !has_its_key(word));
    let capabilities: Vec<_> = capabilities.map(|word| word.to_string()).collect();
    [
        ("{version}", env!("CARGO_PKG_VERSION").to_owned()),
        ("{name}", folder.unwrap_or("my-client").to_owned()),
        ("{guess}", guess),
        ("{command}", list(language.command)),
        ("{setup}", list(language.setup)),
        ("{profiles}", Profile::ALL.map(Profile::as_str).join(", ")),
        ("{capabilities}", capabilities.join(", ")),
        ("{methods}", AuthMethod::ALL.map(AuthMethod::as_str).join(", ")),
    ]
    .into_iter()
    .fold(TEMPLATE.to_owned(), |text, (place, value)| text.replace(place, &value))
}

fn recognised(folder: &Path) -> Option<(&'static Language, String)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
    files.sort();
    let is_of = |language: &Language, file: &str| match language.file.strip_prefix('.') {
        Some(_) => file.ends_with(language.file),
        None => file == language.file,
    };
    LANGUAGES.iter().find_map(|language| {
        let file = files.iter().find(|file| is_of(language, file))?;
        Some((language, file.clone()))
    })
}

fn list(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use crate::config::{Config, schema};

    use super::*;

    fn parse(text: &str) -> Config {
        Config::parse(text, FILE.to_owned(), "/project/crosscheck.toml".into())
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The file with every key in use.
    fn in_full(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn the_file_is_valid_as_it_is_and_with_every_key_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let unknown = text(folder.path());
        for language in &LANGUAGES {
            let file = if language.file.starts_with('.') { "Client.csproj" } else { language.file };
            fs::write(folder.path().join(file), "").unwrap();
            let text = text(folder.path());
            assert!(text.contains(&format!("# Guessed from {file}:")), "{text}");
            assert_eq!(parse(&text).clients[0].command.as_deref().unwrap(), language.command);
            parse(&in_full(&text));
            fs::remove_file(folder.path().join(file)).unwrap();
        }
        assert_eq!(parse(&unknown).clients[0].command.as_deref().unwrap(), ["./my-client"]);
        assert!(!unknown.contains("{version}") && !unknown.contains("{name}"), "{unknown}");
    }

    #[test]
    fn the_file_tells_every_key_and_no_line_is_long() {
        let text = text(Path::new("/project"));
        let full: toml::Table = in_full(&text).parse().unwrap();
        let client = full["client"][0].as_table().unwrap();
        let schema = schema();
        let keys = |properties: &Value| properties.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        for key in keys(&schema["properties"]) {
            assert!(full.contains_key(&key), "{key}");
        }
        for key in keys(&schema["$defs"]["Client"]["properties"]) {
            assert!(client.contains_key(&key), "{key}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        assert_eq!(full["client"][0]["name"].as_str(), Some("project"));
    }
}
