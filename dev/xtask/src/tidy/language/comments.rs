//! Hard modules say why: they have a share of comments inside their code.

use super::{LISTS_FOLDER, word_list::WordList};
use crate::{tidy::finding::Finding, tree::Tree};

/// Comment lines for each 100 lines of code, at least.
const MIN_COMMENT_PERCENT: usize = 3;

/// Checks the files of the list.
pub fn check_comments(tree: &Tree, hard_modules: &WordList) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in hard_modules.iter() {
        let Some(source) = tree.find_text(path) else {
            let message = format!("{path} is not there");
            findings.push(Finding::error(
                format!("{LISTS_FOLDER}/hard-modules.txt"),
                message,
                "name the file that does its work now",
            ));
            continue;
        };
        let (comments, code) = count_lines(source);
        if comments * 100 < code * MIN_COMMENT_PERCENT {
            findings.push(Finding::error(
                path,
                format!("{comments} comment lines in {code} lines of code; {MIN_COMMENT_PERCENT} % are expected here"),
                "say why where a reader asks: order of locks, a race, an invariant",
            ));
        }
    }
    findings
}

/// The lines of comments that are no documentation, and the lines of code.
fn count_lines(source: &str) -> (usize, usize) {
    let lines = || source.lines().map(str::trim_start).filter(|line| !line.is_empty());
    let is_doc = |line: &str| line.starts_with("///") || line.starts_with("//!");
    let comments = lines().filter(|line| line.starts_with("//") && !is_doc(line)).count();
    (comments, lines().filter(|line| !line.starts_with("//")).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hard_module_without_reasons_is_found_and_a_missing_one_too() {
        let code = "let a = 1;\n".repeat(40);
        let documented = format!("//! A module.\n/// A function.\n{code}");
        let commented = format!("// The order of locks.\n// It prevents a race.\n{code}");
        let tree = Tree::from([("a.rs", documented.as_str()), ("b.rs", &commented)]);
        let findings = check_comments(&tree, &WordList::parse("a.rs\nb.rs\nc.rs"));
        let paths: Vec<_> = findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["a.rs", "dev/xtask/language/hard-modules.txt"]);
    }
}
