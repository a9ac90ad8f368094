//! Tests of build plans.
#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

mod applications;
mod compiled;
mod folders;
mod hostile;
#[cfg(unix)]
mod links;
mod recognition;
mod repositories;

use std::fmt::Write as _;

use hearth_plan::{InMemorySource, plan_build};

/// Renders a plan or its error as text.
fn render_plan(source: &InMemorySource) -> String {
    let mut text = String::new();
    match plan_build(source) {
        Ok(plan) => {
            writeln!(text, "{:?}", plan.kind).unwrap();
            plan.reasons.iter().for_each(|sentence| writeln!(text, "- {sentence}").unwrap());
            for (name, command) in &plan.processes {
                writeln!(text, "process {name}: {command}").unwrap();
            }
            plan.suggested_process.iter().for_each(|line| writeln!(text, "suggested {line}").unwrap());
            let made =
                plan.render_containerfile(&|base| format!("hearth.internal/hearth/{base}"), &[]).unwrap();
            let made = made.map(|made| omit_written_lines(&made));
            write!(text, "---\n{}", made.unwrap_or_else(|| "own Containerfile\n".to_owned())).unwrap();
        }
        Err(error) => {
            error.public_messages().for_each(|sentence| writeln!(text, "! {sentence}").unwrap());
            writeln!(text, "> {}", error.help_text().unwrap_or_default()).unwrap();
        }
    }
    text
}

/// Omits the lines of files that a Containerfile writes.
fn omit_written_lines(containerfile: &str) -> String {
    let is_written = |line: &&str| line.starts_with(" '") && line.ends_with("' \\");
    containerfile.lines().filter(|line| !is_written(line)).map(|line| format!("{line}\n")).collect()
}
