//! One stanza of a deb822 file (deb822(5)), with the numbers of its lines.

use std::collections::BTreeSet;

use hearth_base::{Error, Result};

/// Longest part of a file that an error repeats, in characters.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// A field of a stanza.
#[derive(Debug, PartialEq, Eq)]
pub struct StanzaField {
    /// Name in lower case: names have no case.
    pub name: String,
    /// Number of the line that begins the field, from 1.
    pub line: usize,
    /// Words of the value, of all its lines.
    pub words: Vec<String>,
}

/// Parses a file with one stanza. Error `package-source` (invalid) names the line.
pub fn parse_stanza(text: &str) -> Result<Vec<StanzaField>> {
    let mut fields: Vec<StanzaField> = Vec::new();
    let mut has_ended = false;
    for (line, content) in (1..).zip(text.lines()) {
        if content.starts_with('#') {
            continue;
        }
        if content.trim().is_empty() {
            has_ended = !fields.is_empty();
            continue;
        }
        if content.chars().any(|symbol| symbol.is_control() && symbol != '\t') {
            return Err(build_line_error(line, "contains control characters"));
        }
        if has_ended {
            let error = build_line_error(line, "begins a second stanza; a file has one");
            return Err(error.help("register each stanza as a package source of its own"));
        }
        if content.starts_with([' ', '\t']) {
            let field = fields.last_mut().ok_or_else(|| build_line_error(line, "continues no field"))?;
            field.words.extend(content.split_whitespace().map(str::to_owned));
            continue;
        }
        let Some((name, value)) = content.split_once(':').filter(|(name, _)| is_field_name(name)) else {
            let shown: String = content.chars().take(MAX_SHOWN_CHARACTERS).collect();
            return Err(build_line_error(line, &format!("is not of the form FIELD: VALUE: {shown:?}")));
        };
        let words = value.split_whitespace().map(str::to_owned).collect();
        fields.push(StanzaField { name: name.to_lowercase(), line, words });
    }
    let mut names = BTreeSet::new();
    match fields.iter().find(|field| !names.insert(field.name.as_str())) {
        Some(repeated) => {
            Err(build_line_error(repeated.line, &format!("repeats the field {}", repeated.name)))
        }
        None => Ok(fields),
    }
}

/// True for the name of a field (Debian policy, 5.1), in ASCII letters, digits and hyphens.
fn is_field_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Builds the error `package-source` (invalid) about a line.
pub fn build_line_error(line: usize, problem: &str) -> Error {
    super::build_source_error(format!("line {line} of the package source {problem}"))
}
