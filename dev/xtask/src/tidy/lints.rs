//! Every crate takes its lints, version, edition and licence from the workspace.

use toml::{Table, Value};

use super::finding::Finding;
use crate::{tree::Tree, workspace::Workspace};

/// Keys of `[package]` that are written once, in the root `Cargo.toml`.
const INHERITED_KEYS: [&str; 3] = ["version", "edition", "license"];

/// Check the `Cargo.toml` of each crate.
pub fn check_lints(tree: &Tree, workspace: &Workspace) -> Vec<Finding> {
    let manifests = workspace.crates.iter().map(crate::workspace::Crate::manifest_path);
    manifests.flat_map(|path| check_manifest(&path, tree)).collect()
}

fn check_manifest(path: &str, tree: &Tree) -> Vec<Finding> {
    let Some(manifest) = tree.find_text(path).and_then(|text| text.parse::<Table>().ok()) else {
        let next = "check that it is TOML and that git does not ignore it";
        return vec![Finding::error(path, "it cannot be read", next)];
    };
    let mut findings = Vec::new();
    if !is_inherited(manifest.get("lints")) {
        let next = "add a section [lints] with workspace = true";
        findings.push(Finding::error(path, "the workspace's lints do not hold here", next));
    }
    for key in INHERITED_KEYS {
        if !is_inherited(manifest.get("package").and_then(|package| package.get(key))) {
            let message = format!("{key} is not the workspace's");
            findings.push(Finding::error(path, message, format!("write {key}.workspace = true")));
        }
    }
    findings
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    fn find_in_manifest(manifest: &str) -> Vec<String> {
        let tree = Tree::from([("services/jobs/Cargo.toml", manifest)]);
        let crates = vec![Crate::for_test("services/jobs", &[])];
        let findings = check_lints(&tree, &Workspace { crates, ..Workspace::default() });
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_crate_that_takes_everything_from_the_workspace_is_fine() {
        let manifest = "[package]\nversion.workspace = true\nedition.workspace = true\n\
                        license = { workspace = true }\n[lints]\nworkspace = true\n";
        assert!(find_in_manifest(manifest).is_empty());
    }

    #[test]
    fn a_crate_with_its_own_ideas_is_found() {
        let manifest = "[package]\nversion = \"1.0.0\"\nedition.workspace = true\n[lints.rust]\n";
        assert_eq!(
            find_in_manifest(manifest),
            [
                "the workspace's lints do not hold here",
                "version is not the workspace's",
                "license is not the workspace's"
            ]
        );
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_found() {
        assert_eq!(find_in_manifest("[package"), ["it cannot be read"]);
        assert_eq!(find_in_manifest("[package]\nversion.workspace = true").len(), 3);
    }
}
