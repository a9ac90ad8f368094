//! Tests of reading configurations.

mod conversion;
mod hearth_refusals;
mod hostile_inputs;
mod toolforge_refusals;
mod validity;
mod values;

use hearth_base::{Error, Result};

use super::{ConfigContext, ParsedConfig, check_config, read_config};

/// Reads a configuration for a deployment without a source.
fn read_text(text: &str) -> Result<ParsedConfig> {
    read_config(text, &ConfigContext::default())
}

/// Lists the sentences of the error about a configuration; empty if it is valid.
fn list_problems(text: &str) -> Vec<String> {
    let error: Option<Error> = check_config(text).err();
    error.iter().flat_map(Error::public_messages).map(str::to_owned).collect()
}

/// Checks that each configuration has exactly these problems.
fn assert_problems(cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = list_problems(text);
        if found != *expected {
            wrong.push(format!("{text}\n  found    {found:#?}\n  expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
