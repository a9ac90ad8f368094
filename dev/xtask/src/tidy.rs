//! `cargo xtask tidy`: the house rules that a program can check.
//!
//! Each check is a pure function in a file of its own; [`run`] is the table of them.

mod cycles;
mod dialects;
mod edges;
mod finding;
mod forbidden_words;
mod hosts;
mod language;
mod length;
mod links;
mod lints;
mod modules;
mod readme;
mod sql;

use finding::Severity;

use crate::{Verdict, command_error::CommandError, report::Report, tree::Tree, workspace::Workspace};

/// Run every check, print what each found, and end with one line of totals.
pub fn run(report: &mut Report) -> Result<Verdict, CommandError> {
    let workspace = Workspace::read()?;
    let tree = Tree::read(&workspace.root)?;
    let (language, language_totals) = language::check_language(&tree);
    let checks = [
        ("edges", edges::check_edges(&workspace)),
        ("cycles", cycles::check_cycles(&tree, &workspace)),
        ("sql", sql::check_sql(&tree)),
        ("dialects", dialects::check_dialects(&tree)),
        ("length", length::check_lengths(&tree)),
        ("readme", readme::check_readmes(&tree, &workspace)),
        ("hosts", hosts::check_hosts(&tree)),
        ("words", forbidden_words::check_words(&tree)),
        ("lints", lints::check_lints(&tree, &workspace)),
        ("links", links::check_links(&tree)),
        ("language", language),
    ];
    for (check, findings) in &checks {
        for finding in findings {
            report.print_line(&format_args!("[{check}] {finding}"));
        }
    }
    let findings = || checks.iter().flat_map(|(_, findings)| findings);
    let errors = findings().filter(|finding| finding.severity == Severity::Error).count();
    report.print_line(&language_totals);
    report.print_line(&format_args!(
        "tidy: {errors} errors, {warnings} warnings in {files} files, {crates} crates and {packages} packages; \
         median of Rust files {median} lines",
        warnings = findings().count() - errors,
        files = tree.len(),
        crates = workspace.crates.len(),
        packages = workspace.packages,
        median = length::median_length(&tree),
    ));
    Ok(if errors == 0 { Verdict::Good } else { Verdict::Bad })
}
