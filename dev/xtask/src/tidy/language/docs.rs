//! A doc comment says what an item is or does: it does not begin with a question word.

use super::{LanguageTotals, Violation};

/// First words that make a clause of what should be a noun or a verb.
const QUESTION_WORDS: [&str; 8] =
    ["What", "Whatever", "Who", "Whoever", "Whose", "Whom", "Whence", "How many"];

/// The first words of a line identify it in the list of exceptions.
const SUBJECT_WORDS: usize = 5;

/// Checks the first line of each doc comment of one file.
pub fn check_docs(path: &str, source: &str, totals: &mut LanguageTotals) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut previous = None;
    for (at, line) in source.lines().enumerate() {
        let marker = ["///", "//!"].into_iter().find(|marker| line.trim_start().starts_with(marker));
        let is_first = marker.is_some() && marker != previous;
        previous = marker;
        let Some(marker) = marker.filter(|_| is_first) else { continue };
        let text = line.trim_start().trim_start_matches(marker).trim_start();
        let Some(word) = QUESTION_WORDS.iter().find(|word| begins_with_word(text, word)) else { continue };
        violations.push(Violation {
            check: "doc",
            path: path.to_owned(),
            line: at + 1,
            subject: text.split_whitespace().take(SUBJECT_WORDS).collect::<Vec<_>>().join(" "),
            message: format!("the doc comment begins with \"{word}\""),
            next: "begin with a noun phrase or a verb in the third person: what the item is or does",
        });
    }
    totals.question_docs += violations.len();
    violations
}

fn begins_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_words_are_refused_in_first_lines_only() {
        let lines = [
            "//! What lives here.",
            "",
            "/// The lease.",
            "/// What holds it waits.",
            "fn a() {}",
            "    /// Whose it is.",
            "/// How many there are.",
            "",
            "/// How many there are.",
            "/// Whoever-like words: Whatsoever.",
            "// What a comment.",
        ];
        let source = lines.join("\n");
        let violations = check_docs("a.rs", &source, &mut LanguageTotals::default());
        let lines: Vec<_> = violations.iter().map(|violation| violation.line).collect();
        assert_eq!(lines, [1, 6, 9]);
        assert_eq!(violations[0].subject, "What lives here.");
    }
}
