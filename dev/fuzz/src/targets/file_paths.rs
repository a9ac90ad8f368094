//! Paths of requests about the files of a home.

use std::path::{Component, Path};

use hearth_runtime_local::fuzzing::resolve_file_path;

use super::decode_text;

/// Input: one path.
pub fn run_target(input: &[u8]) {
    let path = resolve_file_path(&decode_text(Some(input)));
    let mut parts = path.components();
    assert_eq!(parts.next(), Some(Component::RootDir), "a resolved path is absolute: {path:?}");
    assert!(parts.all(|part| matches!(part, Component::Normal(_))), "it has only names: {path:?}");
    let again = path.to_str().map(resolve_file_path);
    assert_eq!(again.as_deref(), Some(Path::new(&path)), "a resolved path stays as it is");
}
