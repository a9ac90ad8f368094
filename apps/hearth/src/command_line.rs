//! The typed command line, for proposals of corrected commands.

use std::ffi::OsString;

/// Flags with secret values, and the placeholders for them.
const SECRET_FLAGS: [(&str, &str); 3] =
    [("--code", "CODE"), ("--envvar", "NAME=VALUE"), ("-e", "NAME=VALUE")];

/// Flags whose value is the next word, allowed beside the value of a variable.
const FLAGS_WITH_VALUE: [&str; 5] = ["--color", "--from-file", "--job", "--server", "--tool"];

/// The change of one word.
struct WordChange<'a> {
    at: usize,
    /// The part that is replaced: the word, the name of its flag or the flag's value.
    wrong: &'a str,
    right: &'a str,
}

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
        Self(self.0.iter().filter(is_kept).cloned().collect()).render_line(None)
    }

    /// Returns the command line with one more argument.
    pub fn with_argument(&self, word: &str) -> String {
        format!("{} {}", self.render_line(None), quote_argument(word))
    }

    /// Returns the command with `right` in the place of `wrong`, or `None` when `wrong` was not typed. An argument
    /// has precedence over an equal value of a flag.
    pub fn with_replacement(&self, wrong: &str, right: &str) -> Option<String> {
        let matches = |word: &str| {
            let (flag, value) = word.split_once('=').unwrap_or((word, ""));
            word == wrong || flag == wrong || (flag.starts_with("--") && !value.is_empty() && value == wrong)
        };
        let all = 0..self.0.len();
        let argument = all.clone().find(|at| self.0[*at] == wrong && self.is_bare_word(*at));
        let at = argument.or_else(|| all.clone().find(|at| matches(&self.0[*at])))?;
        Some(self.render_line(Some(&WordChange { at, wrong, right })))
    }

    /// Returns the command with `right` as the value of a flag, or `None` when the flag was not typed.
    pub fn with_flag_value(&self, flag: &str, right: &str) -> Option<String> {
        let joined =
            self.0.iter().position(|word| word.split_once('=').is_some_and(|(name, _)| name == flag));
        let separate = self.0.iter().position(|word| word == flag).map(|at| at + 1);
        let at = joined.or(separate)?;
        let typed = self.0.get(at)?;
        let wrong = typed
            .split_once('=')
            .filter(|(name, _)| *name == flag)
            .map_or(typed.as_str(), |(_, value)| value);
        Some(self.render_line(Some(&WordChange { at, wrong, right })))
    }

    /// Renders the command without secrets.
    fn render_line(&self, change: Option<&WordChange<'_>>) -> String {
        let mut line = vec!["hearth".to_owned()];
        let mut secret = None;
        for (at, word) in self.0.iter().enumerate() {
            if let Some(placeholder) = secret.take() {
                line.push(placeholder);
                continue;
            }
            let (flag, value) = word.split_once('=').unwrap_or((word, ""));
            let change = change.filter(|change| change.at == at);
            if let Some(WordChange { wrong, right, .. }) = change {
                line.push(match () {
                    () if word == wrong => quote_argument(right),
                    () if flag == *wrong => format!("{right}={}", quote_argument(value)),
                    () => format!("{flag}={}", quote_argument(right)),
                });
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
        line.join(" ")
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
        if !self.is_bare_word(at) {
            return Vec::new();
        }
        let before = self.0.iter().enumerate().take(at).filter(|(at, _)| self.is_bare_word(*at));
        before.map(|(_, word)| word.as_str()).collect()
    }

    /// Returns true when the word at this index is neither a flag nor the value of one.
    fn is_bare_word(&self, at: usize) -> bool {
        let is_flag = self.0.get(at).is_some_and(|word| word.starts_with('-'));
        let before = at.checked_sub(1).and_then(|before| self.0.get(before));
        !is_flag && before.is_none_or(|before| !FLAGS_WITH_VALUE.contains(&before.as_str()))
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
    fn equal_value_of_a_flag_is_not_replaced() {
        let typed = build_command_line(&["--tool", "web", "jobs", "show", "web"]);
        assert_eq!(
            typed.with_replacement("web", "web2").as_deref(),
            Some("hearth --tool web jobs show web2"),
            "the job is mistyped, not the tool"
        );
        assert_eq!(
            typed.with_flag_value("--tool", "wiki").as_deref(),
            Some("hearth --tool wiki jobs show web"),
            "the tool is mistyped, not the job"
        );
        let joined = build_command_line(&["logs", "web", "--tool=web"]);
        assert_eq!(joined.with_flag_value("--tool", "wiki").as_deref(), Some("hearth logs web --tool=wiki"));
        assert_eq!(build_command_line(&["logs", "web"]).with_flag_value("--tool", "wiki"), None);
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
