//! Webhooks of forges: signatures, payloads, addresses of repositories and patterns.

use hearth_components::fuzzing::{FORGE_KINDS, read_forge_event};

use super::{decode_text, split_records};

/// Input: the event, the payload, the signature header, the address of a repository and a pattern.
pub fn run_target(input: &[u8]) {
    let mut records = split_records(input);
    let event = decode_text(records.next());
    let payload = records.next().unwrap_or_default();
    let signature = decode_text(records.next());
    let (address, pattern) = (decode_text(records.next()), decode_text(records.next()));
    for forge in FORGE_KINDS {
        let read = read_forge_event(forge, &event, payload, &signature, &address, &pattern);
        assert!(!read.is_signed, "nobody guesses a signature: {signature:?}");
        let is_printable = |text: &str| !text.contains(char::is_control);
        assert!(is_printable(&read.reason) && read.reason.len() < 2000, "a reason is one line: {read:?}");
        if let Some((reference, commit)) = &read.push {
            assert!(reference.starts_with("refs/") && reference.len() <= 250, "{read:?}");
            assert!(is_printable(reference) && !reference.contains(' '), "{read:?}");
            assert!(commit.len() <= 64 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{read:?}");
        }
        if let Some(origin) = &read.origin {
            assert!(origin.starts_with("https://") || origin.starts_with("http://"), "{read:?}");
            assert!(!origin.contains('@'), "an address has no credential: {read:?}");
        }
    }
}
