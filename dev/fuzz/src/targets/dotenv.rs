//! Dotenv files.

use std::collections::BTreeSet;

use hearth_base::dotenv::{format_line, parse_dotenv};

/// Input: a file. The parsed variables survive writing and reading.
pub fn run_target(input: &[u8]) {
    let file = String::from_utf8_lossy(input);
    let read_back = match parse_dotenv(&file, ".env") {
        Ok(variables) => variables.envvars,
        Err(error) => {
            assert!(
                error.public_messages().all(|sentence| sentence.starts_with(".env, line ")),
                "an error names its line"
            );
            return;
        }
    };
    let names: BTreeSet<_> = read_back.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), read_back.len(), "a name occurs once");
    let written: String =
        read_back.iter().map(|(name, value)| format_line(name, value.expose_secret())).collect();
    let reread = parse_dotenv(&written, ".env").map(|variables| variables.envvars);
    let reread: Vec<_> = reread.iter().flatten().map(|(name, value)| (name, value.expose_secret())).collect();
    let first: Vec<_> = read_back.iter().map(|(name, value)| (name, value.expose_secret())).collect();
    assert_eq!(reread, first, "variables survive writing and reading");
}
