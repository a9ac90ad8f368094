//! Search patterns: a text without regard to case, or a regular expression.

use std::sync::Arc;

use hearth_base::{Error, ErrorKind, Result};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Look;

/// The maximum length of a pattern, in characters.
const MAX_PATTERN_CHARACTERS: usize = 1000;
/// The maximum memory of a compiled pattern.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A pattern that a line's text has to match. A search takes time in proportion to the text, for every
/// pattern. Clones share the compiled pattern and its caches.
#[derive(Debug, Clone)]
pub struct Pattern(Arc<Regex>);

impl Pattern {
    /// Builds a pattern from a text, without regard to case.
    pub fn from_text(text: &str) -> Result<Self> {
        Self::compile("text", text, &regex::escape(text), true)
    }

    /// Builds a pattern from a regular expression of the crate `regex`; `^` and `$` match at the ends of a
    /// line.
    pub fn from_regex(pattern: &str) -> Result<Self> {
        let parsed = regex_syntax::ParserBuilder::new().multi_line(true).build().parse(pattern);
        let looks = parsed.map(|parsed| parsed.properties().look_set());
        // Many lines are searched as one text: its beginning and end mean nothing to the caller.
        if looks.is_ok_and(|looks| looks.contains(Look::Start) || looks.contains(Look::End)) {
            let public = format!("regex: {pattern} matches only at the beginning or end of the whole text");
            return Err(Error::new(ErrorKind::Unprocessable, "logs-regex", public)
                .help("write ^ for the beginning of a line and $ for its end"));
        }
        Self::compile("regex", pattern, pattern, false)
    }

    fn compile(name: &str, source: &str, pattern: &str, any_case: bool) -> Result<Self> {
        if source.chars().count() > MAX_PATTERN_CHARACTERS {
            let public = format!("{name} is longer than {MAX_PATTERN_CHARACTERS} characters");
            return Err(
                Error::new(ErrorKind::Unprocessable, "logs-regex", public).help("search for a part of it")
            );
        }
        let mut builder = RegexBuilder::new(pattern);
        builder
            .multi_line(true)
            .case_insensitive(any_case)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES);
        builder.build().map(Arc::new).map(Self).map_err(|cause| {
            let reason = match &cause {
                regex::Error::CompiledTooBig(_) => "it needs too much memory".to_owned(),
                // The last line of a syntax error names the problem; the lines before it draw its position.
                cause => cause.to_string().lines().last().unwrap_or_default().replace("error: ", ""),
            };
            Error::new(ErrorKind::Unprocessable, "logs-regex", format!("invalid regex {source}: {reason}"))
                .help("write text=… to search for it as it stands")
                .with_cause(cause)
        })
    }

    /// True if a line matches.
    pub fn is_match(&self, line: &str) -> bool {
        self.0.is_match(line)
    }

    /// Finds the first match from the byte `from` on in a text of lines, each with a line feed. A match may
    /// span lines, so that it is only a candidate. No line before it matches.
    pub fn find_candidate(&self, lines: &str, from: usize) -> Option<usize> {
        (from < lines.len()).then(|| self.0.find_at(lines, from)).flatten().map(|found| found.start())
    }
}
