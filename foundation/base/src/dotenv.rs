//! Files of variables, as `NAME=value` lines: read without substituting anything, and written so that they read back.
//!
//! `dotenvy`, the kept crate for such files, puts variables of the process's own environment into values, cannot be
//! told not to, and names no lines; a value that is to be kept as it is must not depend on who typed the command. There
//! is no specification; this is what the usual readers (Ruby's, Node's, Docker Compose's) agree on. A name may have
//! `export` in front of it. A bare value ends at ` #` or with its line. In single quotes everything is as it is; in
//! double quotes `\n`, `\r`, `\t`, `\\`, `\"`, `` \` `` and `\$` are what they are in a shell or in JSON. Both may hold
//! line ends.

use std::collections::BTreeMap;

use crate::{EnvvarName, Error, Result, Secret};

/// The most bytes of a file: more than all variables of a tool may have.
pub const MAX_DOTENV_BYTES: usize = 1 << 20;

/// The refusal of a quote without an end.
const UNCLOSED: &str = "a quote is not closed";

/// The content of a file.
#[derive(Debug, Default)]
pub struct Read {
    /// Names and values, as they follow each other.
    pub envvars: Vec<(EnvvarName, Secret)>,
    /// Names whose values look as if something was to be put into them.
    pub literal: Vec<EnvvarName>,
}

/// Reads a file. Every line that cannot be is told, with its number; no value is.
pub fn read(text: &str, file: &str) -> Result<Read> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut reader = Reader { rest: &text, line: 1 };
    let (mut read, mut lines, mut wrong) =
        (Read::default(), BTreeMap::<EnvvarName, usize>::new(), Vec::new());
    while !reader.rest.is_empty() {
        let line = reader.line;
        let is_first = wrong.is_empty();
        let mut refuse = |why: String| wrong.push(format!("{file}, line {line}: {why}"));
        match reader.entry() {
            Ok(None) => {}
            Err(why) => {
                refuse(why.to_owned());
                if why == UNCLOSED {
                    // Whatever follows may be part of a value.
                    break;
                }
                reader.skip_line();
            }
            Ok(Some(Entry { name, value, literal })) => match name.parse::<EnvvarName>() {
                // Behind a line that cannot be, what looks like a name may be part of a value.
                Err(_) if !is_first => refuse("there is no variable's name in front of the =".to_owned()),
                Err(error) => refuse(error.public().to_owned()),
                Ok(name) => match lines.get(&name) {
                    Some(first) => refuse(format!("{name} is there twice, first on line {first}")),
                    None => {
                        lines.insert(name.clone(), line);
                        if literal {
                            read.literal.push(name.clone());
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
            Err(wrong.fold(first, Error::also))
        }
    }
}

/// One variable as a line that [`read`] reads back.
pub fn line(name: &EnvvarName, value: &str) -> String {
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

/// The rest that is still to be read.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

struct Entry {
    name: String,
    value: String,
    /// It looks as if something was to be put into it.
    literal: bool,
}

impl Reader<'_> {
    /// The next line, and those that its value goes on to. `None`: it says nothing.
    fn entry(&mut self) -> std::result::Result<Option<Entry>, &'static str> {
        self.blanks();
        if self.ends() {
            self.skip_line();
            return Ok(None);
        }
        let mut name = self.word();
        if name == "export" && self.rest.starts_with([' ', '\t']) {
            self.blanks();
            name = self.word();
        }
        self.blanks();
        self.take('=').ok_or("there is no = behind the name")?;
        self.blanks();
        let (value, literal) = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                self.take(quote).and_then(|()| self.quoted(quote)).ok_or(UNCLOSED)?
            }
            _ => self.bare(),
        };
        self.blanks();
        if !self.ends() {
            return Err("something follows the closing quote");
        }
        self.skip_line();
        Ok(Some(Entry { name, value, literal }))
    }

    /// Whether nothing but a comment is left of the line.
    fn ends(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(['\n', '#'])
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(['=', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, symbol: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(symbol)?;
        Some(())
    }

    fn skip_line(&mut self) {
        match self.rest.split_once('\n') {
            Some((_, rest)) => (self.rest, self.line) = (rest, self.line + 1),
            None => self.rest = "",
        }
    }

    /// A value without quotes, up to a comment or the end of the line.
    fn bare(&mut self) -> (String, bool) {
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
        (value.to_owned(), looks_filled_in(value))
    }

    /// A value behind its opening quote, up to the closing one.
    fn quoted(&mut self, quote: char) -> Option<(String, bool)> {
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
                    literal |= symbol == '$' && quote == '"' && looks_filled_in(&text[at..]);
                    value.push(symbol);
                }
            }
        }
    }
}

/// Whether a value holds what other readers would put a variable in the place of.
fn looks_filled_in(value: &str) -> bool {
    let named = |next: char| next == '{' || next == '_' || next.is_ascii_alphabetic();
    value.split('$').skip(1).any(|rest| rest.starts_with(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_other_readers_read_them() {
        let text = "\u{feff}# a comment\n\nA=1\r\n  export B = two words  # said\nC=a#b\nD='x # $y \\n'\n\
            E=\"two\\nlines \\\"q\\\" \\$z \\d\"\nF=\"over\ntwo\" # lines\nG=\nH=''\nI=a=b\nJ= # nothing";
        let read = read(text, ".env").unwrap();
        let pairs: Vec<_> =
            read.envvars.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
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
    fn nothing_is_put_into_values_and_what_looks_like_it_is_named() {
        let read = read("A=${HOME}/x\nB=\"$PATH\"\nC='$PATH'\nD=\"\\$PATH\"\nE=5$\nF=a$b", ".env").unwrap();
        assert_eq!(read.envvars[0].1.reveal(), "${HOME}/x");
        let literal: Vec<_> = read.literal.iter().map(ToString::to_string).collect();
        assert_eq!(literal, ["A", "B", "F"]);
    }

    #[test]
    fn every_line_that_cannot_be_is_told_with_its_number_and_no_value_is() {
        let text = "A=1\nno equals\nB-C=s3cret\nD='over\ntwo' s3cret\nA=s3cret\n=x\nF=\"s3cret";
        let refused = read(text, ".env").unwrap_err();
        let told: Vec<&str> = refused.sentences().collect();
        assert_eq!(told.len(), 6, "{told:#?}");
        for (line, told) in [2, 3, 4, 6, 7, 8].iter().zip(&told) {
            assert!(told.starts_with(&format!(".env, line {line}: ")) && !told.contains("s3cret"), "{told}");
        }
    }

    /// All values of up to four of the symbols that quoting is about, and some longer ones.
    #[test]
    fn whatever_is_written_reads_back_as_it_was() {
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
            let text = format!("{}{}", line(&name, &written), line(&other, "end"));
            let read = read(&text, ".env").unwrap();
            assert_eq!(read.envvars[0].1.reveal(), written, "{text:?}");
            assert_eq!((read.envvars.len(), read.envvars[1].1.reveal()), (2, "end"), "{text:?}");
            assert!(read.literal.is_empty(), "{text:?}");
        }
    }
}
