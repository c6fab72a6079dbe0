//! What a change of one place in a text looks like.

use gate_protocol::inert::inert;

/// How many lines are shown before and behind what changes.
const AROUND: usize = 3;

/// Returns the lines that go and come, with some around them: gate changes one place of a file.
pub(in crate::cli::hook) fn diff(before: &str, after: &str) -> String {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = before.iter().zip(&after).take_while(same).count();
    let left = before.len().min(after.len()) - head;
    let ends = before.iter().rev().zip(after.iter().rev());
    let tail = ends.take(left).take_while(same).count();
    let part = |lines: &[&str], mark: char, from: usize, to: usize| {
        let lines = lines.iter().take(to).skip(from);
        let marked: Vec<_> = lines
            .map(|line| format!("{mark} {}\n", inert(line)))
            .collect();
        marked.concat()
    };
    let (gone, come) = (before.len() - tail, after.len() - tail);
    [
        part(&after, ' ', head.saturating_sub(AROUND), head),
        part(&before, '-', head, gone),
        part(&after, '+', head, come),
        part(&after, ' ', come, come + AROUND),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_shown_with_some_lines_around_it() {
        let before = "a\nb\nc\nd\ne\nf\n";
        let after = "a\nb\nc\nd\nX\nY\u{202e}\ne\nf\n";
        assert_eq!(
            diff(before, after),
            "  b\n  c\n  d\n+ X\n+ Y\\u{202e}\n  e\n  f\n"
        );
        assert_eq!(diff("a\n", "a\n"), "  a\n");
        assert_eq!(diff("", "a\na\n"), "+ a\n+ a\n");
        assert_eq!(diff("a\na\n", "a\n"), "  a\n- a\n");
    }
}
