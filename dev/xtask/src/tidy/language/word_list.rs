//! A list of words in a text file: one on each line, `#` begins a comment line.

use std::collections::BTreeSet;

#[derive(Default)]
pub struct WordList {
    words: BTreeSet<String>,
}

impl WordList {
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { words: lines.map(str::to_owned).collect() }
    }

    pub fn contains(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_no_words() {
        let list = WordList::parse("# a comment\n\n  run \nshow\n");
        assert_eq!(list.iter().collect::<Vec<_>>(), ["run", "show"]);
        assert!(list.contains("run") && !list.contains("# a comment"));
    }
}
