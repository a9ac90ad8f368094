//! Paths of images of upstream registries, and the answers of upstreams when they want a sign-in.

use hearth_images::fuzzing::{read_sign_in, read_upstream_path};

use super::{decode_text, split_records};

/// Input: a path below an upstream, a header `WWW-Authenticate`, and the answer of a token server.
pub fn run_target(input: &[u8]) {
    let mut records = split_records(input);
    let path = decode_text(records.next());
    if let Ok((repository, resource)) = read_upstream_path(&path) {
        let is_plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
        };
        assert!(repository.split('/').all(is_plain), "{repository:?}");
        assert!(!resource.contains(['?', '#', '%', ' ', '\r', '\n']), "{resource:?}");
        assert_eq!(path, format!("{repository}/{resource}"), "the path is understood as a whole");
    }
    let challenge = decode_text(records.next());
    let answer = records.next().unwrap_or_default();
    let (url, token) = read_sign_in(&challenge, answer);
    if let Some(url) = url {
        assert!(url.starts_with("https://"), "a password is sent encrypted: {url:?}");
        assert!(url.contains("scope="), "{url:?}");
    }
    if let Some(token) = token {
        assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "{token:?}");
    }
}
