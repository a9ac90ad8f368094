//! `hearthd doctor`: what this host offers to containers, and what to install or change.

use hearth_base::{Error, Result};
use hearth_runtime_api::Verdict;

use crate::out;

/// Prints a line for each thing that was looked at; an error when containers cannot run.
pub fn run() -> Result<()> {
    let report = hearth_runtime_local::doctor();
    for check in &report.checks {
        let verdict = match check.verdict {
            Verdict::Good => "good",
            Verdict::Limited => "limited",
            Verdict::Missing => "missing",
        };
        let advice = check.advice.as_ref().map(|advice| format!("; next: {advice}")).unwrap_or_default();
        out::result(format_args!("{verdict:8} {:12} {}{advice}", check.name, check.found));
    }
    if report.usable() {
        return Ok(());
    }
    Err(Error::unavailable("host", "containers cannot run on this host as it is")
        .help("change what is missing above, then hearthd doctor again"))
}
