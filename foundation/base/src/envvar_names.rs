//! Names of environment variables that have a meaning.

use crate::EnvvarName;

/// Variables that Hearth itself sets in each run: another value would be lost, or would break programs that depend on
/// them.
const RESERVED_ENVVARS: &[&str] =
    &["HOME", "HOSTNAME", "PORT", "PWD", "TOOL_DATA_DIR", "TOOL_TOOLFORGE_API_URL"];

/// Words in names of variables whose values are usually secrets.
const SECRET_WORDS: &[&str] =
    &["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "CREDENTIAL", "CREDENTIALS"];

/// Pairs of words in names of variables whose values are usually secrets.
const SECRET_WORD_PAIRS: &[(&str, &str)] = &[("API", "KEY"), ("PRIVATE", "KEY"), ("ACCESS", "KEY")];

impl EnvvarName {
    /// True for a variable that Hearth itself sets in each run.
    pub fn is_reserved(&self) -> bool {
        RESERVED_ENVVARS.contains(&self.as_str())
    }

    /// True if a value of this name is usually a secret, as that of `API_KEY` or `DB_PASSWORD`.
    pub fn suggests_secret(&self) -> bool {
        let name = self.as_str().to_ascii_uppercase();
        let words: Vec<&str> = name.split('_').collect();
        words.iter().any(|word| SECRET_WORDS.contains(word))
            || words.windows(2).any(|pair| SECRET_WORD_PAIRS.contains(&(pair[0], pair[1])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_variable_suggests_a_secret_by_whole_words() {
        let suggests = |text: &str| text.parse::<EnvvarName>().map(|name| name.suggests_secret()).ok();
        for text in ["API_KEY", "DB_PASSWORD", "github_token", "AWS_ACCESS_KEY", "S3_SECRET"] {
            assert_eq!(suggests(text), Some(true), "{text}");
        }
        for text in ["LOG_LEVEL", "KEYBOARD", "TOKENIZER", "CACHE_KEY_PREFIX", "MONKEY", "SECRETARY"] {
            assert_eq!(suggests(text), Some(false), "{text}");
        }
    }
}
