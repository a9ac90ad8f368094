//! Folders, and what becomes of them.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod folders;
mod hostile;

use std::fmt::Write as _;

use hearth_plan::{InMemory, plan};

/// All that a plan says, as text.
fn told(source: &InMemory) -> String {
    let mut text = String::new();
    match plan(source) {
        Ok(plan) => {
            writeln!(text, "{:?}", plan.kind).unwrap();
            plan.because.iter().for_each(|sentence| writeln!(text, "- {sentence}").unwrap());
            for (name, command) in &plan.processes {
                writeln!(text, "process {name}: {command}").unwrap();
            }
            let base = format!("hearth.internal/hearth/{}", plan.base().unwrap_or("none"));
            let made = plan.containerfile(&base).unwrap();
            write!(text, "---\n{}", made.unwrap_or_else(|| "its own\n".to_owned())).unwrap();
        }
        Err(error) => {
            error.sentences().for_each(|sentence| writeln!(text, "! {sentence}").unwrap());
            writeln!(text, "> {}", error.next().unwrap_or_default()).unwrap();
        }
    }
    text
}
