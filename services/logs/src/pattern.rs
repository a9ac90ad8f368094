//! What a text has to hold: a plain text in whatever case, or a regular expression.

use std::sync::Arc;

use hearth_base::{Error, Kind, Result};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Look;

/// The most characters of a pattern,
const LONGEST: usize = 1000;
/// and the most memory that it takes once it is compiled, in bytes.
const SIZE: usize = 1 << 20;

/// What a line's text has to hold. Finding takes time in proportion to the text, whatever the pattern. Copies share what it has
/// found out about texts so far.
#[derive(Debug, Clone)]
pub struct Pattern(Arc<Regex>);

impl Pattern {
    /// This text, in whatever case.
    pub fn text(text: &str) -> Result<Self> {
        Self::compiled("text", text, &regex::escape(text), true)
    }

    /// A regular expression, in the syntax of the crate `regex`; `^` and `$` are a line's beginning and end.
    pub fn regex(pattern: &str) -> Result<Self> {
        let parsed = regex_syntax::ParserBuilder::new().multi_line(true).build().parse(pattern);
        let looks = parsed.map(|parsed| parsed.properties().look_set());
        // Many lines are searched as one text, of which these are the ends.
        if looks.is_ok_and(|looks| looks.contains(Look::Start) || looks.contains(Look::End)) {
            let public = format!("regex: {pattern} asks for the beginning or the end of the whole text");
            return Err(Error::new(Kind::Unprocessable, "logs-regex", public)
                .help("write ^ for the beginning of a line and $ for its end"));
        }
        Self::compiled("regex", pattern, pattern, false)
    }

    fn compiled(name: &str, given: &str, pattern: &str, any_case: bool) -> Result<Self> {
        if given.chars().count() > LONGEST {
            let public = format!("{name} is longer than {LONGEST} characters");
            return Err(Error::new(Kind::Unprocessable, "logs-regex", public).help("search for a part of it"));
        }
        let mut builder = RegexBuilder::new(pattern);
        builder.multi_line(true).case_insensitive(any_case).size_limit(SIZE).dfa_size_limit(SIZE);
        builder.build().map(Arc::new).map(Self).map_err(|cause| {
            let reason = match &cause {
                regex::Error::CompiledTooBig(_) => "it takes too much memory".to_owned(),
                // The last line of a syntax error says what it is; those before draw where.
                cause => cause.to_string().lines().last().unwrap_or_default().replace("error: ", ""),
            };
            Error::new(Kind::Unprocessable, "logs-regex", format!("regex: {given} cannot be read: {reason}"))
                .help("write text=… to search for it as it stands")
                .because(cause)
        })
    }

    /// Whether a line holds it.
    pub fn finds(&self, line: &str) -> bool {
        self.0.is_match(line)
    }

    /// Where, from `from` on, in lines with a line feed behind each, it is found first, across the ends of lines too:
    /// every line before the one with this place does not hold it.
    pub fn candidate(&self, lines: &str, from: usize) -> Option<usize> {
        (from < lines.len()).then(|| self.0.find_at(lines, from)).flatten().map(|found| found.start())
    }
}
