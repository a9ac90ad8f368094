//! Configurations of tools.

use hearth_components::fuzzing::read_config;

use super::{decode_text, split_records};

/// Input: the text as the first record, and the environment (empty for production) as the second.
pub fn run_target(input: &[u8]) {
    let mut parts = split_records(input);
    let (text, environment) = (decode_text(parts.next()), decode_text(parts.next()));
    let environment = Some(environment.as_str()).filter(|environment| !environment.is_empty());
    let config = match read_config(&text, environment) {
        Ok(config) => config,
        Err(error) => {
            let is_printable = |text: &str| !text.is_empty() && !text.contains(char::is_control);
            let sentences: Vec<&str> = error.public_messages().collect();
            assert!(sentences.iter().copied().all(is_printable), "an error is text: {sentences:?}");
            assert!(sentences.len() <= 51, "an error has a limit: {}", sentences.len());
            assert_ne!(error.code(), "internal", "no input is a defect: {error:?}");
            return;
        }
    };
    assert!(config.jobs.len() <= 64 * 2, "the number of components has a limit: {config:?}");
    assert!(config.published <= 1, "one component is published: {config:?}");
    assert!(config.reused.is_subset(&config.jobs), "reused images exist: {config:?}");
    assert!(config.is_shown_faithfully, "the API shows what was read: {text:?}");
}
