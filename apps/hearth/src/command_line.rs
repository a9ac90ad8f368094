//! The typed command line, for proposals of corrected commands.

use std::ffi::OsString;

/// Flags with secret values, and what a proposal has in the place of flag and value: the flag that reads the secret from
/// standard input, because other users of the machine see arguments, or a placeholder.
const SECRET_FLAGS: [(&str, &str); 3] =
    [("--code", "--code-stdin"), ("--envvar", "--envvar NAME=VALUE"), ("-e", "-e NAME=VALUE")];

/// The change of one word.
struct WordChange<'a> {
    at: usize,
    /// The part that is replaced: the word, the name of its flag or the flag's value.
    wrong: &'a str,
    right: &'a str,
}

/// The typed words, with the definition of the commands.
#[derive(Debug, Clone)]
pub struct CommandLine {
    words: Vec<String>,
    find_tree: fn() -> &'static clap::Command,
}

/// The meaning of a word according to the definition of the commands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum WordRole {
    /// A command, or an argument of one.
    Bare,
    /// A flag, with its long name if its command is known and has it.
    Flag(Option<String>),
    /// The value of the flag before it.
    FlagValue,
}

impl CommandLine {
    /// Takes the arguments of the program without its own name, and the definition of its commands.
    pub fn from_arguments(arguments: &[OsString], find_tree: fn() -> &'static clap::Command) -> Self {
        let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        Self { words, find_tree }
    }

    /// Returns the definition of the commands.
    pub fn find_tree(&self) -> &'static clap::Command {
        (self.find_tree)()
    }

    /// Iterates over the words before `--`.
    pub fn words_before_separator(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str).take_while(|word| *word != "--")
    }

    /// Renders the command line without the words `left_out`; secrets are replaced by placeholders.
    pub fn render_without(&self, left_out: &[&str]) -> String {
        let is_kept = |word: &&String| !left_out.contains(&word.as_str());
        let words = self.words.iter().filter(is_kept).cloned().collect();
        Self { words, find_tree: self.find_tree }.render_line(None)
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
        let (all, roles) = (0..self.words.len(), self.find_roles());
        let argument = all.clone().find(|at| self.words[*at] == wrong && roles[*at] == WordRole::Bare);
        let at = argument.or_else(|| all.clone().find(|at| matches(&self.words[*at])))?;
        Some(self.render_line(Some(&WordChange { at, wrong, right })))
    }

    /// Returns the command with `right` as the value of a flag, or `None` when the flag was not typed.
    pub fn with_flag_value(&self, flag: &str, right: &str) -> Option<String> {
        let joined =
            self.words.iter().position(|word| word.split_once('=').is_some_and(|(name, _)| name == flag));
        let separate = self.words.iter().position(|word| word == flag).map(|at| at + 1);
        let at = joined.or(separate)?;
        let typed = self.words.get(at)?;
        let wrong = typed
            .split_once('=')
            .filter(|(name, _)| *name == flag)
            .map_or(typed.as_str(), |(_, value)| value);
        Some(self.render_line(Some(&WordChange { at, wrong, right })))
    }

    /// Renders the command without secrets.
    fn render_line(&self, change: Option<&WordChange<'_>>) -> String {
        let mut line = vec!["hearth".to_owned()];
        let mut is_secret = false;
        let roles = self.find_roles();
        for (at, word) in self.words.iter().enumerate() {
            if std::mem::take(&mut is_secret) {
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
            } else if let Some(replacement) = find_secret_replacement(flag, &roles[at]) {
                line.push(replacement.to_owned());
                is_secret = value.is_empty();
            } else if self.is_secret_value(at, &roles) {
                line.push("VALUE".to_owned());
            } else if let Some((name, _)) =
                word.split_once('=').filter(|_| self.is_envvar_assignment(at, &roles))
            {
                line.push(format!("{}=VALUE", quote_argument(name)));
            } else {
                line.push(quote_argument(word));
            }
        }
        line.join(" ")
    }

    /// Returns true when the word at this index is the value of `envvars create NAME VALUE`, or of `set`, its alias.
    fn is_secret_value(&self, at: usize, roles: &[WordRole]) -> bool {
        match self.list_bare_words_before(at, roles).as_slice() {
            ["set", _, ..] => true,
            before => before.windows(3).any(|three| matches!(three, ["envvars", "create" | "set", _])),
        }
    }

    /// Returns true when the word at this index is the assignment of `envvars create NAME=VALUE` or `set`.
    fn is_envvar_assignment(&self, at: usize, roles: &[WordRole]) -> bool {
        let before = self.list_bare_words_before(at, roles);
        matches!(before.as_slice(), ["set"] | [.., "envvars", "create" | "set"])
    }

    /// Lists the words before this index that are neither flags nor their values; empty when the word itself is.
    fn list_bare_words_before(&self, at: usize, roles: &[WordRole]) -> Vec<&str> {
        if roles[at] != WordRole::Bare {
            return Vec::new();
        }
        let before = self.words.iter().zip(roles).take(at).filter(|(_, role)| **role == WordRole::Bare);
        before.map(|(word, _)| word.as_str()).collect()
    }

    /// Finds the role of each word.
    fn find_roles(&self) -> Vec<WordRole> {
        let tree = self.find_tree();
        let (mut command, mut takes_value, mut separated) = (tree, false, false);
        let find_role = |word: &String| {
            if std::mem::take(&mut takes_value) {
                return WordRole::FlagValue;
            }
            if separated || !word.starts_with('-') || word == "-" {
                command = command.find_subcommand(word).filter(|_| !separated).unwrap_or(command);
                return WordRole::Bare;
            }
            separated = word == "--";
            let (flag, is_last) = find_flag(tree, command, word);
            takes_value = is_last && flag.is_some_and(takes_next_word);
            WordRole::Flag(flag.and_then(clap::Arg::get_long).map(|long| format!("--{long}")))
        };
        self.words.iter().map(find_role).collect()
    }
}

/// Finds the flag of a word in the definition of its command. Of short flags in one word, this is the first one with a
/// value, or the last one. The second result is true if its value is not in the same word.
fn find_flag<'a>(
    tree: &'a clap::Command,
    command: &'a clap::Command,
    word: &str,
) -> (Option<&'a clap::Arg>, bool) {
    let everywhere = tree.get_arguments().filter(|flag| flag.is_global_set());
    let flags: Vec<_> = command.get_arguments().chain(everywhere).collect();
    let has_short = |flag: &clap::Arg, short: char| {
        flag.get_short() == Some(short)
            || flag.get_all_short_aliases().is_some_and(|all| all.contains(&short))
    };
    let has_long = |flag: &clap::Arg, long: &str| {
        flag.get_long() == Some(long) || flag.get_all_aliases().is_some_and(|all| all.contains(&long))
    };
    if let Some(long) = word.strip_prefix("--") {
        let (long, is_last) = long.split_once('=').map_or((long, true), |(long, _)| (long, false));
        return (flags.into_iter().find(|flag| has_long(flag, long)), is_last);
    }
    let mut letters = word.chars().skip(1).peekable();
    let mut found = None;
    for letter in letters.by_ref() {
        found = flags.iter().copied().find(|flag| has_short(flag, letter));
        if found.is_none_or(takes_next_word) {
            break;
        }
    }
    (found, letters.peek().is_none())
}

/// Returns true if the word after this flag is its value.
fn takes_next_word(flag: &clap::Arg) -> bool {
    let is_optional = flag.get_num_args().is_some_and(|count| count.min_values() == 0);
    flag.get_action().takes_values() && !is_optional && !flag.is_require_equals_set()
}

/// Returns what a proposal has in the place of a flag with a secret value. A flag of an unknown command is recognised
/// by its own name.
fn find_secret_replacement(flag: &str, role: &WordRole) -> Option<&'static str> {
    let (_, replacement) = SECRET_FLAGS.iter().find(|(name, _)| *name == flag)?;
    let is_secret = match role {
        WordRole::Flag(Some(long)) => SECRET_FLAGS.iter().any(|(name, _)| name == long),
        _ => true,
    };
    is_secret.then_some(*replacement)
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
    use crate::cli::find_whole_tree;

    fn build_command_line(line: &[&str]) -> CommandLine {
        CommandLine {
            words: line.iter().map(|word| (*word).to_owned()).collect(),
            find_tree: find_whole_tree,
        }
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
            assert_eq!(line.as_deref(), Some("hearth login --code-stdin"));
        }
    }

    #[test]
    fn letter_of_a_secret_flag_has_its_own_meaning_in_each_command() {
        let line = build_command_line(&["jobs", "run", "a", "-e", "a.err", "--comand", "true"]);
        assert_eq!(
            line.with_replacement("--comand", "--command").as_deref(),
            Some("hearth jobs run a -e a.err --command true")
        );
    }

    #[test]
    fn value_of_a_short_flag_is_no_argument() {
        for typed in [
            &["jobs", "run", "web", "-o", "web"][..],
            &["jobs", "run", "web", "-yo", "web"],
            &["jobs", "run", "web", "--output", "web"],
            &["jobs", "run", "web", "-yoweb"],
        ] {
            let expected = format!("hearth {}", typed.join(" ").replacen("web", "wiki", 1));
            let line = build_command_line(typed).with_replacement("web", "wiki");
            assert_eq!(line.as_deref(), Some(&*expected));
        }
    }
}
