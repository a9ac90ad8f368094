//! Rust files stay small: one purpose each.

use super::finding::Finding;
use crate::tree::Tree;

const WARN_ABOVE: usize = 400;
const FAIL_ABOVE: usize = 800;
const MEDIAN_BELOW: usize = 150;

/// Check each Rust file's length, and the middle one of all.
pub fn check_lengths(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<_> =
        tree.ending_in(".rs").filter_map(|(path, text)| check_file(path, text)).collect();
    let median = median_length(tree);
    if median >= MEDIAN_BELOW {
        findings.push(Finding::error(
            ".",
            format!("the median of all Rust files is {median} lines; it stays below {MEDIAN_BELOW}"),
            "split files by purpose: one resource, one rule, one test subject each",
        ));
    }
    findings
}

/// The number of lines that half of the Rust files do not exceed; 0 when there are none.
pub fn median_length(tree: &Tree) -> usize {
    let mut lengths: Vec<_> = tree.ending_in(".rs").map(|(_, text)| text.lines().count()).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

fn check_file(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let next = "split it by purpose, tests with their subject";
    if lines > FAIL_ABOVE {
        Some(Finding::error(path, format!("{lines} lines; {FAIL_ABOVE} are the limit"), next))
    } else if lines > WARN_ABOVE {
        Some(Finding::warning(path, format!("{lines} lines; more than {WARN_ABOVE} are hard to read"), next))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::Severity;

    fn empty_lines(count: usize) -> String {
        "\n".repeat(count)
    }

    #[test]
    fn long_files_are_warned_of_and_very_long_files_are_refused() {
        let (short, long, too_long) = (empty_lines(400), empty_lines(401), empty_lines(801));
        let few = empty_lines(1);
        let tree = Tree::from([
            ("a.rs", few.as_str()),
            ("b.rs", &few),
            ("c.rs", &few),
            ("d.rs", &short),
            ("e.rs", &long),
            ("f.rs", &too_long),
            ("g.md", &too_long),
        ]);
        let found: Vec<_> =
            check_lengths(&tree).into_iter().map(|finding| (finding.path, finding.severity)).collect();
        assert_eq!(found, [("e.rs".to_owned(), Severity::Warning), ("f.rs".to_owned(), Severity::Error)]);
    }

    #[test]
    fn a_median_of_150_lines_is_refused() {
        let (below, at) = (empty_lines(149), empty_lines(150));
        assert!(check_lengths(&Tree::from([("a.rs", below.as_str()), ("b.rs", &at)])).is_empty());
        let findings = check_lengths(&Tree::from([("a.rs", below.as_str()), ("b.rs", &at), ("c.rs", &at)]));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("150"));
    }

    #[test]
    fn a_tree_without_rust_has_nothing_to_measure() {
        assert_eq!(median_length(&Tree::default()), 0);
        assert!(check_lengths(&Tree::default()).is_empty());
    }
}
