//! The typed command line, for proposals of corrected commands.

use std::ffi::OsString;

/// Flags with secret values, and the placeholders for them.
const SECRET_FLAGS: [(&str, &str); 3] =
    [("--code", "CODE"), ("--envvar", "NAME=VALUE"), ("-e", "NAME=VALUE")];

/// Flags whose value is the next word, allowed beside the value of a variable.
const FLAGS_WITH_VALUE: [&str; 5] = ["--color", "--from-file", "--job", "--server", "--tool"];

/// The typed words.
#[derive(Debug, Clone, Default)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// Takes the arguments of the program without its own name.
    pub fn from_arguments(arguments: &[OsString]) -> Self {
        Self(arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect())
    }

    /// Iterates over the words before `--`.
    pub fn words_before_separator(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).take_while(|word| *word != "--")
    }

    /// Renders the command line without the words `left_out`; secrets are replaced by placeholders.
    pub fn render_without(&self, left_out: &[&str]) -> String {
        let is_kept = |word: &&String| !left_out.contains(&word.as_str());
        Self(self.0.iter().filter(is_kept).cloned().collect()).render_line(None).0
    }

    /// Returns the command line with one more argument.
    pub fn with_argument(&self, word: &str) -> String {
        let (line, _) = self.render_line(None);
        format!("{line} {}", quote_argument(word))
    }

    /// Returns the command with `right` in the place of `wrong`, or `None` when `wrong` was not typed.
    pub fn with_replacement(&self, wrong: &str, right: &str) -> Option<String> {
        let (line, found) = self.render_line(Some((wrong, right)));
        found.then_some(line)
    }

    /// Renders the command without secrets; the boolean is true when the change was applied.
    fn render_line(&self, change: Option<(&str, &str)>) -> (String, bool) {
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
                line.push(quote_argument(right));
            } else if Some(flag) == wrong && !found {
                found = true;
                line.push(format!("{right}={}", quote_argument(value)));
            } else if flag.starts_with("--") && !value.is_empty() && Some(value) == wrong && !found {
                found = true;
                line.push(format!("{flag}={}", quote_argument(right)));
            } else if let Some((_, placeholder)) = SECRET_FLAGS.iter().find(|(name, _)| *name == flag) {
                if value.is_empty() {
                    line.push(word.clone());
                    secret = Some((*placeholder).to_owned());
                } else {
                    line.push(format!("{flag}={placeholder}"));
                }
            } else if self.is_secret_value(at) {
                line.push("VALUE".to_owned());
            } else if let Some((name, _)) = word.split_once('=').filter(|_| self.is_envvar_assignment(at)) {
                line.push(format!("{}=VALUE", quote_argument(name)));
            } else {
                line.push(quote_argument(word));
            }
        }
        (line.join(" "), found)
    }

    /// Returns true when the word at this index is the value of `envvars create NAME VALUE`, or of `set`, its alias.
    fn is_secret_value(&self, at: usize) -> bool {
        match self.list_bare_words_before(at).as_slice() {
            ["set", _, ..] => true,
            before => before.windows(3).any(|three| matches!(three, ["envvars", "create" | "set", _])),
        }
    }

    /// Returns true when the word at this index is the assignment of `envvars create NAME=VALUE` or `set`.
    fn is_envvar_assignment(&self, at: usize) -> bool {
        let before = self.list_bare_words_before(at);
        matches!(before.as_slice(), ["set"] | [.., "envvars", "create" | "set"])
    }

    /// Lists the words before this index that are neither flags nor their values; empty when the word itself is.
    fn list_bare_words_before(&self, at: usize) -> Vec<&str> {
        let is_flag = |at: usize| self.0.get(at).is_some_and(|word| word.starts_with('-'));
        let is_flags = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| self.0.get(before));
            before.is_some_and(|before| FLAGS_WITH_VALUE.contains(&before.as_str()))
        };
        let is_bare = |at: usize| !is_flag(at) && !is_flags(at);
        if !is_bare(at) {
            return Vec::new();
        }
        let before = self.0.iter().enumerate().take(at).filter(|(at, _)| is_bare(*at));
        before.map(|(_, word)| word.as_str()).collect()
    }
}

/// Quotes an argument for a shell.
pub fn quote_argument(word: &str) -> String {
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

    fn build_command_line(line: &[&str]) -> CommandLine {
        CommandLine(line.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn only_the_wrong_word_is_replaced() {
        let typed = build_command_line(&["new", "My Tool", "--description", "what it's for"]);
        assert_eq!(
            typed.with_replacement("My Tool", "my-tool").as_deref(),
            Some(r"hearth new my-tool --description 'what it'\''s for'")
        );
        assert_eq!(typed.with_replacement("other", "x"), None);
        assert_eq!(
            build_command_line(&["--tol=x"]).with_replacement("--tol", "--tool").as_deref(),
            Some("hearth --tool=x")
        );
        assert_eq!(
            build_command_line(&["--tool=X"]).with_replacement("X", "x").as_deref(),
            Some("hearth --tool=x")
        );
    }

    #[test]
    fn envvar_value_is_not_repeated() {
        let line = build_command_line(&["envvars", "create", "API-KEY", "s3cret", "--jsn"])
            .with_replacement("API-KEY", "API_KEY");
        assert_eq!(line.as_deref(), Some("hearth envvars create API_KEY VALUE --jsn"));
        let line =
            build_command_line(&["--tool", "a", "envvars", "create", "--job", "web", "API-KEY", "s3cret"]);
        let line = line.with_replacement("API-KEY", "API_KEY");
        assert_eq!(line.as_deref(), Some("hearth --tool a envvars create --job web API_KEY VALUE"));
        for (typed, expected) in [
            (
                &["envvars", "create", "API_KEY=s3cret", "--jsn"][..],
                "hearth envvars create API_KEY=VALUE --json",
            ),
            (&["set", "API_KEY=s3cret", "--jsn"], "hearth set API_KEY=VALUE --json"),
            (&["set", "API_KEY", "s3cret", "--jsn"], "hearth set API_KEY VALUE --json"),
            (&["envvars", "set", "API_KEY", "s3cret", "--jsn"], "hearth envvars set API_KEY VALUE --json"),
            (&["envvars", "set", "API_KEY=s3cret", "--jsn"], "hearth envvars set API_KEY=VALUE --json"),
        ] {
            let line = build_command_line(typed).with_replacement("--jsn", "--json");
            assert_eq!(line.as_deref(), Some(expected));
        }
        assert_eq!(
            build_command_line(&["build", "start", "-e", "A=b"]).with_argument("-D"),
            "hearth build start -e NAME=VALUE -D"
        );
    }

    #[test]
    fn invitation_code_is_not_repeated() {
        for typed in [&["logn", "--code", "s3cret"][..], &["logn", "--code=s3cret"]] {
            let line = build_command_line(typed).with_replacement("logn", "login");
            assert!(line.is_some_and(|line| !line.contains("s3cret") && line.contains("CODE")));
        }
    }
}
