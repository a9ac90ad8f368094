//! Lists of refs that repositories send, and the refs and addresses that people ask for.

use hearth_builds::fuzzing::{read_address, resolve_ref};

use super::{records, text};

/// First record: the ref; second: the address; the rest: the repository's answer.
pub fn git_refs(input: &[u8]) {
    let mut parts = records(input);
    let (wanted, address) = (text(parts.next()), text(parts.next()));
    let head = parts.next().map_or(input.len(), |rest| rest.as_ptr().addr() - input.as_ptr().addr());
    let advertisement = input.get(head..).unwrap_or_default();
    match resolve_ref(advertisement, &wanted) {
        Ok(resolved) => check_resolved(&wanted, resolved),
        Err(error) => {
            let texts = [error.public(), error.next().unwrap_or_default()];
            assert!(
                !texts.concat().contains(char::is_control),
                "a refusal repeats control characters: {texts:?}"
            );
        }
    }
    if let Ok((address, refs)) = read_address(&address) {
        assert!(address.starts_with("http"), "only repositories on the web are fetched: {address}");
        assert!(refs.ends_with("/info/refs?service=git-upload-pack"), "{refs}");
        let host = refs.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        assert!(!host.is_empty() && !host.contains('@') && !host.starts_with('-'), "{refs}");
    }
}

fn check_resolved(wanted: &str, (commit, full_name): (String, Option<String>)) {
    assert!(matches!(commit.len(), 40 | 64), "a commit is a SHA-1 or SHA-256");
    assert!(commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "a commit is hexadecimal");
    assert!(!wanted.starts_with('-'), "a ref is no option");
    assert!(
        full_name.is_none_or(|name| !name.starts_with('-') && !name.contains(char::is_control)),
        "a ref's full name is no option"
    );
}
