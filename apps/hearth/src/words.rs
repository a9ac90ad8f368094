//! The words of the command line as they were typed, to propose better ones.

use std::ffi::OsString;

/// Flags whose values are not repeated.
const SECRET_FLAGS: [(&str, &str); 1] = [("--code", "CODE")];

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

    /// The same command with `right` in the place of `wrong`. `None` when `wrong` was not typed.
    pub fn with(&self, wrong: &str, right: &str) -> Option<String> {
        let mut found = false;
        let mut line = vec!["hearth".to_owned()];
        let mut secret = None;
        for word in &self.0 {
            if let Some(placeholder) = secret.take() {
                line.push(placeholder);
                continue;
            }
            let (flag, value) = word.split_once('=').unwrap_or((word, ""));
            if word == wrong && !found {
                found = true;
                line.push(quoted(right));
            } else if flag == wrong && !found {
                found = true;
                line.push(format!("{right}={}", quoted(value)));
            } else if flag.starts_with("--") && !value.is_empty() && value == wrong && !found {
                found = true;
                line.push(format!("{flag}={}", quoted(right)));
            } else if let Some((_, placeholder)) = SECRET_FLAGS.iter().find(|(name, _)| *name == flag) {
                if value.is_empty() {
                    line.push(word.clone());
                    secret = Some((*placeholder).to_owned());
                } else {
                    line.push(format!("{flag}={placeholder}"));
                }
            } else {
                line.push(quoted(word));
            }
        }
        found.then(|| line.join(" "))
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
    fn a_code_is_not_repeated() {
        for typed in [&["logn", "--code", "s3cret"][..], &["logn", "--code=s3cret"]] {
            let line = words(typed).with("logn", "login");
            assert!(line.is_some_and(|line| !line.contains("s3cret") && line.contains("CODE")));
        }
    }
}
