//! The exit codes of the command, and what each means.

use std::process::ExitCode;

/// Everything is as expected.
pub const AS_EXPECTED: u8 = 0;
/// There are findings that were not expected.
pub const FINDINGS: u8 = 1;
/// The run could not be made: bad arguments, a bad configuration or scenario, a command that does not start.
pub const COULD_NOT_RUN: u8 = 2;

/// The code for a run that was made.
pub fn code(as_expected: bool) -> ExitCode {
    ExitCode::from(if as_expected { AS_EXPECTED } else { FINDINGS })
}
