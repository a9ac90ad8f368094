//! Patterns of branches and files.

use hearth_base::{Error, Result, to_single_line};

/// The maximum length of a pattern, in characters.
const MAX_PATTERN_CHARACTERS: usize = 200;
/// The maximum number of stars of a pattern. The time of a match grows with them.
const MAX_STARS: usize = 8;

/// A pattern: `*` stands for any characters but `/`, `**` for any characters, `?` for one character but `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(Vec<PatternPart>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternPart {
    Character(char),
    /// Any character but a slash.
    AnyCharacter,
    /// Any characters but slashes.
    Segment,
    /// Any characters.
    Everything,
}

impl PathPattern {
    /// Parses a pattern. Error `pattern` (invalid).
    pub fn parse_pattern(text: &str) -> Result<Self> {
        let refuse = |reason: String| {
            let what = format!("invalid pattern {:?}: {reason}", to_single_line(text, 80));
            Error::invalid("pattern", what).help("write a name, or a pattern as release/* or docs/**")
        };
        if text.is_empty() || text.chars().count() > MAX_PATTERN_CHARACTERS {
            return Err(refuse(format!("expected 1 to {MAX_PATTERN_CHARACTERS} characters")));
        }
        if text.chars().any(|symbol| symbol.is_control()) {
            return Err(refuse("it has a control character; expected none".to_owned()));
        }
        if text.matches('*').count() > MAX_STARS {
            return Err(refuse(format!("it has too many stars; expected at most {MAX_STARS}")));
        }
        let (mut parts, mut symbols) = (Vec::new(), text.chars().peekable());
        while let Some(symbol) = symbols.next() {
            parts.push(match symbol {
                '*' if symbols.next_if_eq(&'*').is_some() => PatternPart::Everything,
                '*' => PatternPart::Segment,
                '?' => PatternPart::AnyCharacter,
                symbol => PatternPart::Character(symbol),
            });
        }
        Ok(Self(parts))
    }

    /// True if the whole text matches.
    pub fn matches_text(&self, text: &str) -> bool {
        // The set of positions in the pattern that the text read so far leads to.
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip_stars(&mut reached);
        for symbol in text.chars() {
            let mut next = vec![false; self.0.len() + 1];
            for (at, part) in self.0.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match part {
                    PatternPart::Character(expected) if *expected == symbol => next[at + 1] = true,
                    PatternPart::AnyCharacter if symbol != '/' => next[at + 1] = true,
                    PatternPart::Segment if symbol != '/' => next[at] = true,
                    PatternPart::Everything => next[at] = true,
                    _ => {}
                }
            }
            self.skip_stars(&mut next);
            reached = next;
        }
        reached[self.0.len()]
    }

    /// A star also stands for no character.
    fn skip_stars(&self, reached: &mut [bool]) {
        for (at, part) in self.0.iter().enumerate() {
            if reached[at] && matches!(part, PatternPart::Segment | PatternPart::Everything) {
                reached[at + 1] = true;
            }
        }
    }
}

/// True if a text matches one of several patterns. A pattern that cannot be parsed matches nothing.
pub fn matches_any(patterns: &[String], text: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| PathPattern::parse_pattern(pattern).is_ok_and(|pattern| pattern.matches_text(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_characters_within_a_segment_or_across_segments() {
        for (pattern, text, expected) in [
            ("main", "main", true),
            ("main", "maintenance", false),
            ("release/*", "release/1.0", true),
            ("release/*", "release/1.0/rc", false),
            ("release/**", "release/1.0/rc", true),
            ("*", "main", true),
            ("*", "feature/x", false),
            ("**", "feature/x", true),
            ("**/*.py", "src/app/web.py", true),
            ("*.py", "src/web.py", false),
            ("v?", "v1", true),
            ("v?", "v/", false),
            ("v?", "v", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
            ("docs/**", "docs/", true),
            ("docs/**", "docs", false),
        ] {
            assert_eq!(matches_any(&[pattern.to_owned()], text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn pattern_has_limits() {
        for wrong in ["", "a\nb", &"x".repeat(201), "*********"] {
            assert_eq!(PathPattern::parse_pattern(wrong).unwrap_err().code(), "pattern", "{wrong:?}");
        }
        // The time of a match grows with the product of both lengths at most.
        let hostile = PathPattern::parse_pattern(&"*a".repeat(8)).unwrap();
        assert!(!hostile.matches_text(&"a".repeat(1000).replace("aaaaaaaaaa", "aaaaaaaaab")));
    }
}
