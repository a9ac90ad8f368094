//! `cargo xtask tidy`: the house rules that a program can check.
//!
//! Each check is a pure function in a file of its own; [`run`] is the table of them.

mod cycles;
mod dialects;
mod edges;
mod finding;
mod hosts;
mod length;
mod lints;
mod modules;
mod prose;
mod readme;
mod sql;
mod words;

use finding::Severity;

use crate::{Verdict, report::Report, tree::Tree, trouble::Trouble, workspace::Workspace};

/// Run every check, print what each found, and end with one line of totals.
pub fn run(report: &mut Report) -> Result<Verdict, Trouble> {
    let workspace = Workspace::read()?;
    let tree = Tree::read(&workspace.root)?;
    let checks = [
        ("edges", edges::check(&workspace)),
        ("cycles", cycles::check(&tree, &workspace)),
        ("sql", sql::check(&tree)),
        ("dialects", dialects::check(&tree)),
        ("length", length::check(&tree)),
        ("readme", readme::check(&tree, &workspace)),
        ("hosts", hosts::check(&tree)),
        ("words", words::check(&tree)),
        ("lints", lints::check(&tree, &workspace)),
        ("prose", prose::check(&tree)),
    ];
    for (check, findings) in &checks {
        for finding in findings {
            report.line(&format_args!("[{check}] {finding}"));
        }
    }
    let findings = || checks.iter().flat_map(|(_, findings)| findings);
    let errors = findings().filter(|finding| finding.severity == Severity::Error).count();
    report.line(&format_args!(
        "tidy: {errors} errors, {warnings} warnings in {files} files, {crates} crates and {packages} packages; \
         median of Rust files {median} lines",
        warnings = findings().count() - errors,
        files = tree.len(),
        crates = workspace.crates.len(),
        packages = workspace.packages,
        median = length::median(&tree),
    ));
    Ok(if errors == 0 { Verdict::Good } else { Verdict::Bad })
}
