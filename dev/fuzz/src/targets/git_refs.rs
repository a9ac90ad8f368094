//! Fuzz target: ref advertisements of Git repositories, and refs and addresses that users enter.

use hearth_builds::fuzzing::{parse_repository_address, resolve_ref};

use super::{decode_text, split_records};

/// Input: the ref as the first record, the address as the second, and the repository's answer as the rest.
pub fn run_target(input: &[u8]) {
    let mut parts = split_records(input);
    let (requested_ref, address) = (decode_text(parts.next()), decode_text(parts.next()));
    let head = parts.next().map_or(input.len(), |rest| rest.as_ptr().addr() - input.as_ptr().addr());
    let advertisement = input.get(head..).unwrap_or_default();
    match resolve_ref(advertisement, &requested_ref) {
        Ok(resolved) => check_resolved(&requested_ref, resolved),
        Err(error) => {
            let texts = [error.public_message(), error.help_text().unwrap_or_default()];
            assert!(
                !texts.concat().contains(char::is_control),
                "an error contains control characters: {texts:?}"
            );
        }
    }
    if let Ok((address, refs)) = parse_repository_address(&address) {
        assert!(address.starts_with("http"), "only HTTP repositories are fetched: {address}");
        assert!(refs.ends_with("/info/refs?service=git-upload-pack"), "{refs}");
        let host = refs.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        assert!(!host.is_empty() && !host.contains('@') && !host.starts_with('-'), "{refs}");
    }
}

fn check_resolved(requested_ref: &str, (commit, full_name): (String, Option<String>)) {
    assert!(matches!(commit.len(), 40 | 64), "a commit is a SHA-1 or SHA-256");
    assert!(commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "a commit is hexadecimal");
    assert!(!requested_ref.starts_with('-'), "a ref is not a command-line option");
    assert!(
        full_name.is_none_or(|name| !name.starts_with('-') && !name.contains(char::is_control)),
        "a ref's full name is not a command-line option"
    );
}
