//! Everything that Hearth is built from may be used, changed and passed on by whoever runs it.

use spdx::{Expression, ParseMode};

use super::finding::Finding;
use crate::workspace::{External, Workspace};

/// Licences that Hearth accepts. `Unlicense` is not among them: it comes as one of two to choose from, and then
/// the other one is chosen.
const ACCEPTED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    // The licence of certificate data.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// Packages that name no licence but carry its text in a file, and which licence that file was read to be.
const READ: [(&str, &str); 1] = [("rust-criu", "MIT")];

/// Check the licence of every package in the lock file, on whatever system it would be used.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.packages.iter().filter_map(check_package).collect()
}

fn check_package(package: &External) -> Option<Finding> {
    let path = format!("{} {}", package.name, package.version);
    let read = READ.iter().find(|(name, _)| *name == package.name).map(|(_, licence)| *licence);
    let Some(licence) = package.licence.as_deref().or(read) else {
        return Some(Finding::error(
            path,
            format!("{} states no licence", package.name),
            "use another package; or read its licence file, and say in READ which licence it is",
        ));
    };
    let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
        return Some(Finding::error(
            path,
            format!("{}'s licence, {licence}, is not an SPDX expression", package.name),
            "use another package, or a version of it that states its licence as SPDX does",
        ));
    };
    let accepted = expression.evaluate(|required| ACCEPTED.contains(&required.to_string().as_str()));
    (!accepted).then(|| {
        Finding::error(
            path,
            format!("{}'s licence, {licence}, is not one that Hearth accepts", package.name),
            format!("use another package; accepted are {}", ACCEPTED.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(licence: Option<&str>) -> Vec<String> {
        let package = External {
            name: "thing".to_owned(),
            version: "1.2.3".to_owned(),
            licence: licence.map(str::to_owned),
        };
        let findings = check(&Workspace { packages: vec![package], ..Workspace::default() });
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn every_accepted_licence_is_spelled_as_spdx_spells_it() {
        for licence in ACCEPTED {
            assert!(found(Some(licence)).is_empty(), "{licence}");
            assert!(Expression::parse(licence).is_ok(), "{licence}");
        }
    }

    #[test]
    fn one_accepted_alternative_is_enough_and_all_parts_of_a_sum_are_needed() {
        assert!(found(Some("Unlicense OR MIT")).is_empty());
        assert!(found(Some("MIT/Apache-2.0")).is_empty());
        assert!(found(Some("(MIT OR GPL-3.0-only) AND Unicode-3.0")).is_empty());
        assert!(!found(Some("MIT AND GPL-3.0-only")).is_empty());
    }

    #[test]
    fn other_licences_are_refused() {
        assert_eq!(
            found(Some("GPL-3.0-only")),
            ["thing's licence, GPL-3.0-only, is not one that Hearth accepts"]
        );
        assert!(!found(Some("Unlicense")).is_empty());
        assert!(!found(Some("MIT WITH Classpath-exception-2.0")).is_empty());
    }

    #[test]
    fn a_package_without_a_licence_is_named() {
        assert_eq!(found(None), ["thing states no licence"]);
        assert_eq!(found(Some("ask me")), ["thing's licence, ask me, is not an SPDX expression"]);
    }
}
