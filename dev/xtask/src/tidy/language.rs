//! Names and sentences: what a stranger must be able to guess, find with grep and read once.
//!
//! Five checks, each in a file of its own; the words that they allow and refuse, and the exceptions, are lists in
//! `dev/xtask/language/`.

mod comments;
mod constants;
mod docs;
mod functions;
mod items;
mod riddles;
mod types;
mod word_list;

use std::{collections::BTreeSet, fmt};

use super::finding::Finding;
use crate::tree::Tree;
use word_list::WordList;

/// The folder of the lists, from the root of the repository.
const LISTS_FOLDER: &str = "dev/xtask/language";

/// A name or sentence that breaks a check, before exceptions are applied.
struct Violation {
    check: &'static str,
    path: String,
    line: usize,
    /// The name, or the first words of the sentence: with the check and the path it identifies an exception.
    subject: String,
    message: String,
    next: &'static str,
}

/// The figures of the whole tree, for the line of totals.
#[derive(Default)]
pub struct LanguageTotals {
    /// Functions, every one that the sources declare.
    pub functions: usize,
    /// Those of them whose name is one word.
    pub one_word_functions: usize,
    /// Constants whose name is one word.
    pub bare_constants: usize,
    /// Doc comments that begin with What, Who and the like.
    pub question_docs: usize,
    /// Type names that three or more files declare.
    pub repeated_types: usize,
    /// Identifiers with a riddle word, each counted once in a file.
    pub riddles: usize,
    /// Exceptions that are listed.
    pub exceptions: usize,
}

impl fmt::Display for LanguageTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100 * self.one_word_functions / self.functions.max(1);
        write!(
            f,
            "language: {} of {} functions have a name of one word ({percent} %), {} constants lack a subject, \
             {} doc comments begin with a question word, {} type names are repeated, {} identifiers are riddles; \
             {} exceptions",
            self.one_word_functions,
            self.functions,
            self.bare_constants,
            self.question_docs,
            self.repeated_types,
            self.riddles,
            self.exceptions,
        )
    }
}

/// Checks all Rust files against the lists of the tree.
pub fn check_language(tree: &Tree) -> (Vec<Finding>, LanguageTotals) {
    let mut findings = Vec::new();
    let mut list = |name: &str| {
        let path = format!("{LISTS_FOLDER}/{name}.txt");
        tree.find_text(&path).map(WordList::parse).unwrap_or_else(|| {
            findings.push(Finding::error(path, "the list is missing", "restore it from git"));
            WordList::default()
        })
    };
    let allowed_functions = list("allowed-function-names");
    let allowed_constants = list("allowed-constant-names");
    let exempt_types = list("exempt-type-names");
    let riddle_words = list("riddle-words");
    let hard_modules = list("hard-modules");
    let exceptions = list("exceptions");

    let mut totals = LanguageTotals { exceptions: exceptions.len(), ..LanguageTotals::default() };
    let mut violations = Vec::new();
    let mut types = types::TypeNames::default();
    for (path, source) in tree.ending_in(".rs") {
        let Some(tokens) = crate::rust::parse_tokens(source) else { continue };
        let items = items::find_items(&tokens);
        violations.extend(functions::check_functions(path, &items, &allowed_functions, &mut totals));
        violations.extend(constants::check_constants(path, &items, &allowed_constants, &mut totals));
        violations.extend(docs::check_docs(path, source, &mut totals));
        violations.extend(riddles::check_riddles(path, &tokens, &riddle_words, &mut totals));
        types.record_types(path, &items);
    }
    violations.extend(types.find_repeated(&exempt_types, &mut totals));
    findings.extend(apply_exceptions(violations, &exceptions));
    findings.extend(comments::check_comments(tree, &hard_modules));
    (findings, totals)
}

/// Turns violations into findings, but for those that an exception names; an exception that names none is a finding.
fn apply_exceptions(violations: Vec<Violation>, exceptions: &WordList) -> Vec<Finding> {
    let mut unused: BTreeSet<&str> = exceptions.iter().collect();
    let mut findings = Vec::new();
    for violation in violations {
        let Violation { check, path, line, subject, message, next } = violation;
        let exception = format!("{check} {path} {subject}");
        unused.remove(exception.as_str());
        if !exceptions.contains(&exception) {
            findings.push(Finding::error(path, message, next).at_line(line));
        }
    }
    findings.extend(unused.into_iter().map(|exception| {
        let message = format!("the exception is not needed any more: {exception}");
        Finding::error(format!("{LISTS_FOLDER}/exceptions.txt"), message, "remove its line")
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings of a tree with this one source and these lists.
    fn find(source: &str, exceptions: &str) -> Vec<String> {
        let tree = Tree::from([
            ("a/src/lib.rs", source),
            ("dev/xtask/language/allowed-function-names.txt", "# verbs\nrun\nnew\n"),
            ("dev/xtask/language/allowed-constant-names.txt", "ALL\n"),
            ("dev/xtask/language/exempt-type-names.txt", "Model\n"),
            ("dev/xtask/language/riddle-words.txt", "told\n"),
            ("dev/xtask/language/hard-modules.txt", ""),
            ("dev/xtask/language/exceptions.txt", exceptions),
        ]);
        check_language(&tree).0.into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn an_exception_silences_its_violation_only() {
        let source = "pub fn told() {}\npub fn settle() {}\n";
        assert_eq!(find(source, "").len(), 3);
        let listed = "function a/src/lib.rs told\nriddle a/src/lib.rs told\n";
        let left = find(source, listed);
        assert_eq!(left.len(), 1);
        assert!(
            left[0].starts_with("a/src/lib.rs:2: error: the function name settle is one word"),
            "{left:?}"
        );
    }

    #[test]
    fn an_exception_that_is_not_needed_is_an_error() {
        let found = find("pub fn run() {}\n", "function a/src/lib.rs run\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("the exception is not needed any more: function a/src/lib.rs run"));
    }

    #[test]
    fn a_missing_list_is_an_error() {
        let findings = check_language(&Tree::from([("a.rs", "")])).0;
        assert_eq!(findings.len(), 6);
    }
}
