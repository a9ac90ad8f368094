//! Dotenv files.

use std::collections::BTreeSet;

use hearth_base::dotenv::{line, read};

/// An input is a file. What is read is written again and reads back as it was.
pub fn dotenv(input: &[u8]) {
    let file = String::from_utf8_lossy(input);
    let read_back = match read(&file, ".env") {
        Ok(variables) => variables.envvars,
        Err(error) => {
            assert!(error.sentences().all(|sentence| sentence.starts_with(".env, line ")), "a line is named");
            return;
        }
    };
    let names: BTreeSet<_> = read_back.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), read_back.len(), "a name is there once");
    let written: String = read_back.iter().map(|(name, value)| line(name, value.reveal())).collect();
    let again = read(&written, ".env").map(|variables| variables.envvars);
    let again: Vec<_> = again.iter().flatten().map(|(name, value)| (name, value.reveal())).collect();
    let first: Vec<_> = read_back.iter().map(|(name, value)| (name, value.reveal())).collect();
    assert_eq!(again, first, "what is written reads back");
}
