//! Two texts as a unified diff.

use std::fmt;

use similar::{ChangeTag, TextDiff};

/// One line of a diff.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Line {
    /// Where the line stands.
    pub side: Side,
    /// The line without its end.
    pub text: String,
}

impl Line {
    /// Whether it is in one of the texts only.
    pub fn is_change(&self) -> bool {
        matches!(self.side, Side::New | Side::Old)
    }
}

impl fmt::Display for Line {
    /// The line behind its mark; the beginning of a stretch has none.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            Side::Gap => write!(out, "{}", self.text),
            side => write!(out, "{}{}", side.mark(), self.text),
        }
    }
}

/// Where a line of a diff stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// In both texts.
    Both,
    /// Between two stretches: where the next one begins.
    Gap,
    /// In the new text only.
    New,
    /// In the old text only.
    Old,
}

impl Side {
    /// The mark in front of the line.
    pub fn mark(self) -> char {
        match self {
            Self::Both | Self::Gap => ' ',
            Self::New => '+',
            Self::Old => '-',
        }
    }
}

/// What changed from `old` to `new`, with up to three lines around each change; nothing where they are equal.
pub fn lines(old: &str, new: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(Line { side: Side::Gap, text: hunk.header().to_string() });
        lines.extend(hunk.iter_changes().map(|change| Line {
            side: match change.tag() {
                ChangeTag::Equal => Side::Both,
                ChangeTag::Insert => Side::New,
                ChangeTag::Delete => Side::Old,
            },
            text: change.value().trim_end_matches('\n').to_owned(),
        }));
    }
    lines
}

/// Lines that are shown before and behind a change.
const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_stands_among_its_neighbours() {
        let diff = lines("a\nb\nc\n", "a\nB\nc\n");
        let marked: Vec<_> = diff[1..].iter().map(ToString::to_string).collect();
        assert_eq!(marked, [" a", "-b", "+B", " c"]);
        assert_eq!(diff[0].side, Side::Gap);
        assert_eq!(lines("a\n", "a\n"), []);
    }
}
