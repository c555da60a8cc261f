//! The command line of the client: `[--fault SLUG]… [--control SLUG]… URL`.
//!
//! Follows the client contract: the URL is the last argument, everything else comes from the environment.
//! Exit code 0 means that the MCP server was reached, 1 that it was not, 2 that the command line is wrong.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime;
use url::Url;

use crate::behaviour::Behaviour;
use crate::client::{Client, McpEndpoint};
use crate::report::{Outcome, printable};
use crate::{Control, Fault};

/// Walks the cross-app access flow to an MCP server, honestly or with a fault.
#[derive(Debug, Parser)]
#[command(name = "crosscheck reference-client", no_binary_name = true, after_help = ENVIRONMENT)]
struct Arguments {
    /// Do this one thing wrong (may be repeated).
    #[arg(long = "fault", value_name = "SLUG")]
    faults: Vec<Fault>,
    /// Use this freedom of a conforming client (may be repeated).
    #[arg(long = "control", value_name = "SLUG")]
    controls: Vec<Control>,
    /// List the faults and the requirements they break.
    #[arg(long)]
    list_faults: bool,
    /// List the controls.
    #[arg(long)]
    list_controls: bool,
    /// The URL of the MCP server.
    #[arg(value_parser = mcp_endpoint, required_unless_present_any = ["list_faults", "list_controls"])]
    url: Option<McpEndpoint>,
}

const ENVIRONMENT: &str = "\
Environment:
  MCP_CONFORMANCE_CONTEXT           what the client knows, a JSON object
  MCP_CONFORMANCE_PROTOCOL_VERSION  the MCP revision to speak [default: 2025-11-25]
  CROSSCHECK_OUTCOME                the file to which the outcome report is written

Exit codes:
  0  the MCP server was reached
  1  it was not
  2  the command line is wrong";

/// Runs the client with `args`, the command line without the program's name.
///
/// Exit code 0: the MCP server answered a request with the access token. 1: it was not reached. 2: the
/// command line is wrong.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and usage go where they can; a closed pipe is no reason for another exit code.
            drop(error.print());
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    if arguments.list_faults {
        say(&faults());
    }
    if arguments.list_controls {
        say(&controls());
    }
    match arguments.url {
        Some(mcp) => run(mcp, &Behaviour { faults: arguments.faults, controls: arguments.controls }),
        None => ExitCode::SUCCESS,
    }
}

fn run(mcp: McpEndpoint, behaviour: &Behaviour) -> ExitCode {
    let url = mcp.text.clone();
    let status_of_refusal = if behaviour.varies(Control::SuccessStatusAfterRefusal) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let started = Client::from_environment(mcp, behaviour.clone())
        .and_then(|client| Ok((client, runtime.map_err(|error| error.to_string())?)));
    let (client, runtime) = match started {
        Ok(started) => started,
        Err(message) => {
            complain(&message);
            report(&Outcome::not_started(&message));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(client.run()) {
        Ok(token) => {
            let scope = token.scope.as_deref();
            say(&format!(
                "authorized at {}, scope {}",
                printable(url),
                printable(scope.unwrap_or("unknown"))
            ));
            report(&Outcome::authorized(scope));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&printable(&failure));
            report(&Outcome::refused(&failure, behaviour));
            status_of_refusal
        }
    }
}

/// Writes the outcome report, if a file for it is named.
fn report(outcome: &Outcome<'_>) {
    if let Some(path) = env::var_os("CROSSCHECK_OUTCOME")
        && let Err(error) = outcome.write(Path::new(&path))
    {
        complain(&format!("the outcome report cannot be written: {error}"));
    }
}

/// Prints data; a closed pipe ends it quietly.
fn say(line: &str) {
    drop(writeln!(io::stdout(), "{line}"));
}

fn complain(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}

fn faults() -> String {
    let line = |fault: &Fault| {
        let (slug, number) = (fault.slug(), fault.number().unwrap_or("-"));
        format!("{slug:43} {number:3}  {}  [{}]", fault.summary(), fault.trips().join(", "))
    };
    Fault::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn controls() -> String {
    let line =
        |control: &Control| format!("{:32} {}  {}", control.slug(), control.number(), control.summary());
    Control::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn mcp_endpoint(text: &str) -> Result<McpEndpoint, url::ParseError> {
    Ok(McpEndpoint { url: Url::parse(text)?, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_unknown_fault_is_refused_with_the_nearest() {
        let error =
            Arguments::try_parse_from(["--fault", "grant-as-bearers", "http://localhost/mcp"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("`grant-as-bearer`"), "{error}");
    }

    #[test]
    fn a_url_is_needed_unless_something_is_listed() {
        assert!(Arguments::try_parse_from(["--fault", "grant-as-bearer"]).is_err());
        assert!(Arguments::try_parse_from(["--list-faults"]).is_ok());
    }

    #[test]
    fn the_list_has_a_line_for_every_fault() {
        let list = faults();
        assert_eq!(list.lines().count(), Fault::ALL.len());
        let line = list.lines().find(|line| line.starts_with("audience-trailing-slash ")).unwrap();
        assert!(line.contains(" F01 ") && line.ends_with("[tx-audience-is-as-issuer]"), "{line}");
    }
}
