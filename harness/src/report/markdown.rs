//! Text from outside within Markdown.

use crate::text::printable;

/// Text as code, in which nothing is markup.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", printable(text).replace('`', "'"))
}

/// Text as one cell of a table, in which nothing is markup.
pub(super) fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in printable(text).chars() {
        if "\\`*[]<>|&~".contains(c) {
            cell.push('\\');
        }
        cell.push(c);
    }
    cell
}

/// Text in lines of its own, as it is: between fences that no line of it closes.
pub(super) fn block(text: &str) -> String {
    let longest = text.lines().map(|line| line.trim_start().chars().take_while(|c| *c == '`').count()).max();
    let fence = "`".repeat(longest.unwrap_or_default().max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_cell_is_markup() {
        assert_eq!(cell("a|b\n<b>"), r"a\|b\\n\<b\>");
        assert_eq!(code("a`b"), "`a'b`");
    }

    #[test]
    fn no_line_closes_a_block() {
        assert_eq!(block("a\n  ```\nb"), "````text\na\n  ```\nb\n````\n");
    }
}
