//! Dotenv files: `NAME=value` lines, parsed without variable expansion and formatted so that they round-trip.
//!
//! `dotenvy`, the maintained crate for such files, expands variables of the process's environment and cannot
//! be told not to, and it reports no line numbers; the values of a tool must not depend on the caller's
//! environment. No specification exists; the rules are those that common readers (Ruby's, Node's, Docker
//! Compose's) share. A name may have the prefix `export`. An unquoted value ends at ` #` or at the end of the
//! line. Single quotes preserve everything; in double quotes `\n`, `\r`, `\t`, `\\`, `\"`, `` \` `` and `\$`
//! are escapes, as in a shell or in JSON. Both kinds of quotes may span lines.

use std::collections::BTreeMap;

use crate::{EnvvarName, Error, Result, Secret};

/// Maximum size of a file in bytes; larger than the total limit of a tool's variables.
pub const MAX_DOTENV_BYTES: usize = 1 << 20;

/// Error of a quote without an end.
const UNCLOSED_QUOTE: &str = "a quote is not closed";

/// Content of a dotenv file.
#[derive(Debug, Default)]
pub struct DotenvFile {
    /// Names and values, in the order of the file.
    pub envvars: Vec<(EnvvarName, Secret)>,
    /// Names whose values look like unexpanded variable references.
    pub unexpanded: Vec<EnvvarName>,
}

/// Parses a dotenv file. The error reports every invalid line by number, and no value.
pub fn parse_dotenv(text: &str, file: &str) -> Result<DotenvFile> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut reader = DotenvParser { rest: &text, line: 1 };
    let (mut read, mut lines, mut wrong) =
        (DotenvFile::default(), BTreeMap::<EnvvarName, usize>::new(), Vec::new());
    while !reader.rest.is_empty() {
        let line = reader.line;
        let is_first = wrong.is_empty();
        let mut refuse = |why: String| wrong.push(format!("{file}, line {line}: {why}"));
        match reader.parse_entry() {
            Ok(None) => {}
            Err(why) => {
                refuse(why.to_owned());
                if why == UNCLOSED_QUOTE {
                    // The rest of the file may belong to the open value.
                    break;
                }
                reader.skip_line();
            }
            Ok(Some(DotenvEntry { name, value, literal })) => match name.parse::<EnvvarName>() {
                // After an invalid line, text that looks like a name may be part of a value: it is not
                // repeated.
                Err(_) if !is_first => refuse("there is no variable name before the =".to_owned()),
                Err(error) => refuse(error.public_message().to_owned()),
                Ok(name) => match lines.get(&name) {
                    Some(first) => refuse(format!("{name} is defined twice, first on line {first}")),
                    None => {
                        lines.insert(name.clone(), line);
                        if literal {
                            read.unexpanded.push(name.clone());
                        }
                        read.envvars.push((name, Secret::new(value)));
                    }
                },
            },
        }
    }
    let mut wrong = wrong.into_iter();
    match wrong.next() {
        None => Ok(read),
        Some(first) => {
            let first = Error::invalid("dotenv", first).help("write NAME=value lines; nothing was changed");
            Err(wrong.fold(first, Error::and_message))
        }
    }
}

/// Formats one variable as a line that round-trips through the parser.
pub fn format_line(name: &EnvvarName, value: &str) -> String {
    let bare = |symbol: char| symbol.is_ascii_alphanumeric() || "_-./:@%+,=".contains(symbol);
    if !value.is_empty() && value.chars().all(bare) {
        return format!("{name}={value}\n");
    }
    if !value.contains(|symbol: char| symbol == '\'' || symbol.is_control()) {
        return format!("{name}='{value}'\n");
    }
    let mut quoted = String::new();
    for symbol in value.chars() {
        match symbol {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' | '"' | '$' | '`' => quoted.extend(['\\', symbol]),
            other => quoted.push(other),
        }
    }
    format!("{name}=\"{quoted}\"\n")
}

/// Parser over the remaining text.
struct DotenvParser<'a> {
    rest: &'a str,
    line: usize,
}

struct DotenvEntry {
    name: String,
    value: String,
    /// The value looks like an unexpanded variable reference.
    literal: bool,
}

impl DotenvParser<'_> {
    /// Parses the next variable, which may span lines; `None` for an empty line or a comment.
    fn parse_entry(&mut self) -> std::result::Result<Option<DotenvEntry>, &'static str> {
        self.skip_spaces();
        if self.is_at_line_end() {
            self.skip_line();
            return Ok(None);
        }
        let mut name = self.parse_word();
        if name == "export" && self.rest.starts_with([' ', '\t']) {
            self.skip_spaces();
            name = self.parse_word();
        }
        self.skip_spaces();
        self.expect_symbol('=').ok_or("there is no = after the name")?;
        self.skip_spaces();
        let (value, literal) = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => self
                .expect_symbol(quote)
                .and_then(|()| self.parse_quoted_value(quote))
                .ok_or(UNCLOSED_QUOTE)?,
            _ => self.parse_unquoted_value(),
        };
        self.skip_spaces();
        if !self.is_at_line_end() {
            return Err("unexpected text after the closing quote");
        }
        self.skip_line();
        Ok(Some(DotenvEntry { name, value, literal }))
    }

    /// True when only a comment, or nothing, remains of the line.
    fn is_at_line_end(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(['\n', '#'])
    }

    fn parse_word(&mut self) -> String {
        let end = self.rest.find(['=', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn expect_symbol(&mut self, symbol: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(symbol)?;
        Some(())
    }

    fn skip_line(&mut self) {
        match self.rest.split_once('\n') {
            Some((_, rest)) => (self.rest, self.line) = (rest, self.line + 1),
            None => self.rest = "",
        }
    }

    /// Parses an unquoted value, up to a comment or the end of the line.
    fn parse_unquoted_value(&mut self) -> (String, bool) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        let mut before = ' ';
        let comment = line.find(|symbol: char| {
            let begins = symbol == '#' && before.is_whitespace();
            before = symbol;
            begins
        });
        let value = line[..comment.unwrap_or(line.len())].trim();
        self.rest = rest;
        (value.to_owned(), contains_variable_reference(value))
    }

    /// Parses a value after its opening quote, up to the closing quote.
    fn parse_quoted_value(&mut self, quote: char) -> Option<(String, bool)> {
        let (text, mut symbols) = (self.rest, self.rest.char_indices());
        let (mut value, mut literal) = (String::new(), false);
        loop {
            let (at, symbol) = symbols.next()?;
            match symbol {
                _ if symbol == quote => {
                    self.line += text[..at].matches('\n').count();
                    self.rest = symbols.as_str();
                    return Some((value, literal));
                }
                '\\' if quote == '"' => match symbols.next()?.1 {
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    plain @ ('\\' | '"' | '$' | '`') => value.push(plain),
                    other => value.extend(['\\', other]),
                },
                _ => {
                    literal |= symbol == '$' && quote == '"' && contains_variable_reference(&text[at..]);
                    value.push(symbol);
                }
            }
        }
    }
}

/// True when other readers would expand a variable reference in the value.
fn contains_variable_reference(value: &str) -> bool {
    let named = |next: char| next == '{' || next == '_' || next.is_ascii_alphabetic();
    value.split('$').skip(1).any(|rest| rest.starts_with(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parsed_as_by_other_dotenv_readers() {
        let text = "\u{feff}# a comment\n\nA=1\r\n  export B = two words  # said\nC=a#b\nD='x # $y \\n'\n\
            E=\"two\\nlines \\\"q\\\" \\$z \\d\"\nF=\"over\ntwo\" # lines\nG=\nH=''\nI=a=b\nJ= # nothing";
        let read = parse_dotenv(text, ".env").unwrap();
        let pairs: Vec<_> =
            read.envvars.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        let wanted = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a#b"),
            ("D", "x # $y \\n"),
            ("E", "two\nlines \"q\" $z \\d"),
            ("F", "over\ntwo"),
            ("G", ""),
            ("H", ""),
            ("I", "a=b"),
            ("J", ""),
        ];
        assert_eq!(pairs, wanted);
    }

    #[test]
    fn variable_references_stay_literal_and_are_reported() {
        let read =
            parse_dotenv("A=${HOME}/x\nB=\"$PATH\"\nC='$PATH'\nD=\"\\$PATH\"\nE=5$\nF=a$b", ".env").unwrap();
        assert_eq!(read.envvars[0].1.expose_secret(), "${HOME}/x");
        let literal: Vec<_> = read.unexpanded.iter().map(ToString::to_string).collect();
        assert_eq!(literal, ["A", "B", "F"]);
    }

    #[test]
    fn invalid_lines_are_reported_by_number_without_their_values() {
        let text = "A=1\nno equals\nB-C=s3cret\nD='over\ntwo' s3cret\nA=s3cret\n=x\nF=\"s3cret";
        let refused = parse_dotenv(text, ".env").unwrap_err();
        let messages: Vec<&str> = refused.public_messages().collect();
        assert_eq!(messages.len(), 6, "{messages:#?}");
        for (line, messages) in [2, 3, 4, 6, 7, 8].iter().zip(&messages) {
            assert!(
                messages.starts_with(&format!(".env, line {line}: ")) && !messages.contains("s3cret"),
                "{messages}"
            );
        }
    }

    /// Covers all values of up to four quoting-relevant symbols, and some longer values.
    #[test]
    fn formatted_values_round_trip() {
        let symbols =
            ["\n", "\r", "\t", "'", "\"", "$", "#", "\\", " ", "=", "{", "n", "é", "\u{1b}", "`", "\u{85}"];
        let (name, other): (EnvvarName, EnvvarName) = ("A".parse().unwrap(), "B".parse().unwrap());
        let longer = ["export A=1", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "日本 語", "\u{feff}"];
        let mut values: Vec<String> = longer.map(str::to_owned).to_vec();
        let mut last = vec![String::new()];
        for _ in 0..=4 {
            values.extend(last.iter().cloned());
            last = last.iter().flat_map(|value| symbols.map(|symbol| format!("{value}{symbol}"))).collect();
        }
        for written in values {
            let text = format!("{}{}", format_line(&name, &written), format_line(&other, "end"));
            let read = parse_dotenv(&text, ".env").unwrap();
            assert_eq!(read.envvars[0].1.expose_secret(), written, "{text:?}");
            assert_eq!((read.envvars.len(), read.envvars[1].1.expose_secret()), (2, "end"), "{text:?}");
            assert!(read.unexpanded.is_empty(), "{text:?}");
        }
    }
}
