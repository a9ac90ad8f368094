//! `hearthd doctor`: checks this host's support for containers.

use hearth_base::{Error, Result};
use hearth_runtime_api::CheckVerdict;

use crate::console;

/// Prints one line per item. Error `host` when containers cannot run.
pub fn run() -> Result<()> {
    let report = hearth_runtime_local::check_host();
    for check in &report.checks {
        let verdict = match check.verdict {
            CheckVerdict::Good => "good",
            CheckVerdict::Limited => "limited",
            CheckVerdict::Missing => "missing",
        };
        let advice = check.advice.as_ref().map(|advice| format!("; next: {advice}")).unwrap_or_default();
        console::print_result(format_args!("{verdict:8} {:12} {}{advice}", check.name, check.found));
    }
    if report.is_usable() {
        return Ok(());
    }
    Err(Error::unavailable("host", "this host lacks a requirement of containers")
        .help("install the items listed as missing above, then run hearthd doctor again"))
}
