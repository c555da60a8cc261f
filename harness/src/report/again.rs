//! The command that plays a scenario once more.

use crosscheck_scenarios::ScenarioId;

use crate::driver::Command;

/// The client's command as the user would type it; `reference` tells that it is the embedded one.
pub fn typed(command: &Command, reference: bool) -> String {
    if !reference {
        return command.to_line();
    }
    Command { program: "crosscheck".into(), args: command.args.clone() }.to_line()
}

/// What such a command needs besides the scenario's id.
#[derive(Clone, Debug)]
pub struct Again {
    /// Options that decide what is found, such as `--profile base`.
    pub options: Vec<String>,
    /// The client's command, as the user would type it; none where the options name it, or where it is the default.
    pub command: Option<String>,
}

impl Again {
    /// For a client that is started by `command`; `reference` tells that it is the embedded one.
    pub fn new(options: Vec<String>, command: &Command, reference: bool) -> Self {
        let is_default = reference && command.args.len() == 1;
        Self { options, command: (!is_default).then(|| typed(command, reference)) }
    }

    /// The command for one scenario.
    pub fn of(&self, id: &ScenarioId) -> String {
        self.line(&format!("--exact {}", shell_words::quote(id.as_str())))
    }

    /// The command for what the words of `selection` select.
    pub fn line(&self, selection: &str) -> String {
        let words = ["crosscheck run"].into_iter().chain(self.options.iter().map(String::as_str));
        let client = self.command.iter().flat_map(|command| ["--", command]);
        words.chain([selection]).chain(client).collect::<Vec<_>>().join(" ")
    }
}
