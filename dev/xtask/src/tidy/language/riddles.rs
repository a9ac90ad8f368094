//! No identifier contains a riddle word.

use std::collections::BTreeMap;

use super::{LanguageTotals, Violation, word_list::WordList};
use crate::rust::Token;

/// Checks every identifier of one file, and reports each once.
pub fn check_riddles(
    path: &str,
    tokens: &[Token],
    riddle_words: &WordList,
    totals: &mut LanguageTotals,
) -> Vec<Violation> {
    let mut first_lines = BTreeMap::new();
    for token in tokens.iter().filter(|token| !token.quoted) {
        first_lines.entry(token.text.as_str()).or_insert(token.line);
    }
    let mut violations = Vec::new();
    for (name, line) in first_lines {
        let Some(word) = split_words(name).into_iter().find(|word| riddle_words.contains(word)) else {
            continue;
        };
        violations.push(Violation {
            check: "riddle",
            path: path.to_owned(),
            line,
            subject: name.to_owned(),
            message: format!("the name {name} contains the riddle word \"{word}\""),
            next: "name the thing: the event, the caller, the outcome, the limit",
        });
    }
    totals.riddles += violations.len();
    violations
}

/// The words of an identifier in lower case: `StreamCursor` and `stream_cursor` have the same two.
fn split_words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let is_constant = !name.chars().any(char::is_lowercase);
    for part in name.split('_') {
        let mut word = String::new();
        for letter in part.chars() {
            if letter.is_uppercase() && !is_constant && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            word.extend(letter.to_lowercase());
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::parse_tokens;

    #[test]
    fn names_of_any_case_are_split_into_words() {
        for name in ["stream_cursor", "StreamCursor", "STREAM_CURSOR"] {
            assert_eq!(split_words(name), ["stream", "cursor"], "{name}");
        }
    }

    #[test]
    fn each_riddle_is_reported_once_with_its_first_line() {
        let tokens =
            parse_tokens("fn told_of() {}\nfn a(told_of: u8, b: WasTold) { \"told\"; }\nfn retold() {}")
                .unwrap();
        let violations =
            check_riddles("a.rs", &tokens, &WordList::parse("told"), &mut LanguageTotals::default());
        let found: Vec<_> =
            violations.iter().map(|violation| (violation.subject.as_str(), violation.line)).collect();
        assert_eq!(found, [("WasTold", 2), ("told_of", 1)]);
    }
}
