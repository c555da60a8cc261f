//! `crosscheck completions` and `crosscheck man`: what shells and manuals tell of the command line.
//!
//! Both are made by clap's own crates from the command line as it is parsed, and so never fall behind it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Command;
use clap::builder::Resettable;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crosscheck_scenarios::nearest;

use crate::cli::Hinted;
use crate::exit;
use crate::whole;

/// Options of `crosscheck completions`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CompletionsOptions {
    /// The shell that completes
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Options of `crosscheck man`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ManOptions {
    /// The command whose page is printed; without it the page of crosscheck itself
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Option<String>,
    /// Write crosscheck.1 and a page for each command there, and print nothing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the completion script of a shell.
pub(super) fn completions(options: &CompletionsOptions, mut cli: Command) -> anyhow::Result<ExitCode> {
    let name = cli.get_name().to_owned();
    // Into memory first: the generator panics where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut cli, name, &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// Prints a manual page, or writes all of them.
pub(super) fn man(options: &ManOptions, cli: Command) -> anyhow::Result<ExitCode> {
    // Who wants help has a page for it, and `help` needs none.
    let mut cli = cli.disable_help_subcommand(true);
    cli.build();
    match (&options.out, &options.command) {
        (Some(folder), _) => {
            for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
                let path = folder.join(page(command).get_filename());
                whole::write(&path, |file| render(command, file))
                    .with_context(|| format!("could not write {}", path.display()))?;
            }
        }
        (None, Some(name)) => render(find(&cli, name)?, &mut io::stdout().lock())?,
        (None, None) => render(&cli, &mut io::stdout().lock())?,
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// The page of a command. What stands below its help makes sections of their own: clap_mangen would run the lines
/// together.
fn render(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    page(command).render(out)?;
    let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut sections = Roff::new();
    for line in below.lines().filter(|line| !line.is_empty()) {
        match line.trim_start().split_once("  ") {
            Some((term, meaning)) => {
                sections.control("TP", []).text([bold(term)]).text([roman(meaning.trim_start())]);
            }
            None => {
                sections.control("SH", [line.trim_end_matches(':').to_uppercase().as_str()]);
            }
        }
    }
    sections.to_writer(out)
}

fn page(command: &Command) -> Man {
    let source = concat!("crosscheck ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone().after_help(Resettable::Reset)).source(source).manual("Crosscheck Manual")
}

fn find<'a>(cli: &'a Command, name: &str) -> anyhow::Result<&'a Command> {
    cli.find_subcommand(name).ok_or_else(|| {
        let hint = match nearest(name, cli.get_subcommands().map(Command::get_name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`crosscheck --help` names the commands".to_owned(),
        };
        Hinted::error(format!("no command is called `{name}`"), hint)
    })
}
