//! What can be wrong with a configuration of which every word can be read.

use std::ops::Range;

use crosscheck_scenarios::{Problem, nearest, problem_in};

use crate::config::file::File;
use crate::config::values::check_variable;

/// What is wrong with words that can all be read.
pub(super) struct Check<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) problems: Vec<Problem>,
}

impl Check<'_> {
    pub(super) fn clients(&mut self, file: &File, complete: bool) {
        let mut names: Vec<&str> = Vec::new();
        for table in &file.client {
            let Some(name) = &table.get_ref().name else {
                if complete {
                    self.wrong(table.span(), "this client has no name", Some("add `name = \"…\"`".into()));
                }
                continue;
            };
            if !is_name(name.get_ref()) {
                self.wrong(
                    name.span(),
                    format!("`{}` cannot be the name of a client", name.get_ref().escape_debug()),
                    Some("use letters, digits, `-`, `_` and `.`; it begins with a letter or digit, and ends with no dot".into()),
                );
            } else if names.iter().any(|other| other.eq_ignore_ascii_case(name.get_ref())) {
                self.wrong(
                    name.span(),
                    format!("two clients are called `{}`", name.get_ref()),
                    Some(
                        "reports stand in folders of these names, which must differ in more than capitals"
                            .into(),
                    ),
                );
            } else {
                names.push(name.get_ref());
            }
            for (key, value) in &table.get_ref().environment {
                if let Err(what) = check_variable(key, value.get_ref()) {
                    self.wrong(value.span(), what, None);
                }
            }
        }
    }

    pub(super) fn default_clients(&mut self, file: &File, complete: bool) {
        let named = file.client.iter().filter_map(|table| table.get_ref().name.as_ref());
        let names: Vec<_> = named.map(|name| name.get_ref().as_str()).collect();
        for name in file.default_clients.iter().flatten().filter(|_| complete) {
            if !names.contains(&name.get_ref().as_str()) {
                let hint = match nearest(name.get_ref(), names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if names.is_empty() => "add a client of that name below `[[client]]`".to_owned(),
                    None => format!("there are {}", names.join(", ")),
                };
                self.wrong(name.span(), format!("no client is called `{}`", name.get_ref()), Some(hint));
            }
        }
    }

    pub(super) fn wrong(&mut self, span: Range<usize>, what: impl Into<String>, hint: Option<String>) {
        self.problems.push(problem_in(self.name, self.text, Some(span), what.into(), hint));
    }
}

/// Whether a client can be called so; the name is that of a folder too.
pub(crate) fn is_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    name.chars().all(is_word)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        // Windows drops it from the end of a folder's name.
        && !name.ends_with('.')
}
