//! The words of the command line as they were typed, to propose better ones.

use std::ffi::OsString;

/// Flags whose values are not repeated.
const SECRET_FLAGS: [(&str, &str); 3] =
    [("--code", "CODE"), ("--envvar", "NAME=VALUE"), ("-e", "NAME=VALUE")];

/// Flags that take the word behind them, where a value of a variable may stand too.
const WITH_WORDS: [&str; 5] = ["--color", "--from-file", "--job", "--server", "--tool"];

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Words(Vec<String>);

impl Words {
    /// The arguments of the program, its own name left out.
    pub fn of(arguments: &[OsString]) -> Self {
        Self(arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect())
    }

    /// The words before `--`, where flags are flags.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).take_while(|word| *word != "--")
    }

    /// The same command and one word more.
    pub fn and(&self, more: &str) -> String {
        let (line, _) = self.line(None);
        format!("{line} {}", quoted(more))
    }

    /// The same command with `right` in the place of `wrong`. `None` when `wrong` was not typed.
    pub fn with(&self, wrong: &str, right: &str) -> Option<String> {
        let (line, found) = self.line(Some((wrong, right)));
        found.then_some(line)
    }

    /// The command without its secrets, and whether there was something to replace in it.
    fn line(&self, change: Option<(&str, &str)>) -> (String, bool) {
        let (wrong, right) = change.unzip();
        let right = right.unwrap_or_default();
        let mut found = change.is_none();
        let mut line = vec!["hearth".to_owned()];
        let mut secret = None;
        for (at, word) in self.0.iter().enumerate() {
            if let Some(placeholder) = secret.take() {
                line.push(placeholder);
                continue;
            }
            let (flag, value) = word.split_once('=').unwrap_or((word, ""));
            if Some(word.as_str()) == wrong && !found {
                found = true;
                line.push(quoted(right));
            } else if Some(flag) == wrong && !found {
                found = true;
                line.push(format!("{right}={}", quoted(value)));
            } else if flag.starts_with("--") && !value.is_empty() && Some(value) == wrong && !found {
                found = true;
                line.push(format!("{flag}={}", quoted(right)));
            } else if let Some((_, placeholder)) = SECRET_FLAGS.iter().find(|(name, _)| *name == flag) {
                if value.is_empty() {
                    line.push(word.clone());
                    secret = Some((*placeholder).to_owned());
                } else {
                    line.push(format!("{flag}={placeholder}"));
                }
            } else if self.is_secret_value(at) {
                line.push("VALUE".to_owned());
            } else {
                line.push(quoted(word));
            }
        }
        (line.join(" "), found)
    }

    /// Whether the word at this place is the value of `envvars create NAME VALUE`.
    fn is_secret_value(&self, at: usize) -> bool {
        let is_flag = |at: usize| self.0.get(at).is_some_and(|word| word.starts_with('-'));
        let is_flags = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| self.0.get(before));
            before.is_some_and(|before| WITH_WORDS.contains(&before.as_str()))
        };
        let is_bare = |at: usize| !is_flag(at) && !is_flags(at);
        let before = self.0.iter().enumerate().take(at).filter(|(at, _)| is_bare(*at));
        let before: Vec<_> = before.map(|(_, word)| word.as_str()).collect();
        is_bare(at) && before.windows(3).any(|three| matches!(three, ["envvars", "create", _]))
    }
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_./:=@,+%~".contains(symbol);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Words {
        Words(line.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn the_wrong_word_alone_is_replaced() {
        let typed = words(&["new", "My Tool", "--description", "what it's for"]);
        assert_eq!(
            typed.with("My Tool", "my-tool").as_deref(),
            Some(r"hearth new my-tool --description 'what it'\''s for'")
        );
        assert_eq!(typed.with("other", "x"), None);
        assert_eq!(words(&["--tol=x"]).with("--tol", "--tool").as_deref(), Some("hearth --tool=x"));
        assert_eq!(words(&["--tool=X"]).with("X", "x").as_deref(), Some("hearth --tool=x"));
    }

    #[test]
    fn a_value_is_not_repeated() {
        let line = words(&["envvars", "create", "API-KEY", "s3cret", "--jsn"]).with("API-KEY", "API_KEY");
        assert_eq!(line.as_deref(), Some("hearth envvars create API_KEY VALUE --jsn"));
        let line = words(&["--tool", "a", "envvars", "create", "--job", "web", "API-KEY", "s3cret"]);
        let line = line.with("API-KEY", "API_KEY");
        assert_eq!(line.as_deref(), Some("hearth --tool a envvars create --job web API_KEY VALUE"));
        assert_eq!(words(&["build", "start", "-e", "A=b"]).and("-D"), "hearth build start -e NAME=VALUE -D");
    }

    #[test]
    fn a_code_is_not_repeated() {
        for typed in [&["logn", "--code", "s3cret"][..], &["logn", "--code=s3cret"]] {
            let line = words(typed).with("logn", "login");
            assert!(line.is_some_and(|line| !line.contains("s3cret") && line.contains("CODE")));
        }
    }
}
