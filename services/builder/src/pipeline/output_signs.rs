//! Signs of a cause in the output of build tools.

mod table;

use hearth_wire::builds::{BuildFailure, BuildFailureClass};

use table::{OUTPUT_SIGNS, OutputSign};

/// Signs that the lines of a step have shown since the last instruction of the recipe.
#[derive(Debug, Default)]
pub struct OutputSigns {
    /// Index of the sign with the highest priority so far, with its first line.
    best: Option<(usize, String)>,
}

impl OutputSigns {
    /// Records a line. A new instruction of the recipe (`STEP 3/7: RUN …` of buildah) forgets the signs: what came before
    /// has succeeded.
    pub fn record_line(&mut self, line: &str) {
        if is_instruction(line) {
            self.best = None;
            return;
        }
        let lower = line.to_lowercase();
        let before = self.best.as_ref().map_or(OUTPUT_SIGNS.len(), |(index, _)| *index);
        let found =
            OUTPUT_SIGNS[..before].iter().position(|sign| sign.texts.iter().all(|text| lower.contains(text)));
        if let Some(index) = found {
            self.best = Some((index, line.trim().to_owned()));
        }
    }

    /// Explains a failure by the sign with the highest priority; `None` without a sign.
    pub fn find_explanation(&self) -> Option<BuildFailure> {
        let (index, line) = self.best.as_ref()?;
        let OutputSign { texts: _, class, next_step } = &OUTPUT_SIGNS[*index];
        let mut explanation = explain_class(*class, Some(line.clone()));
        if let Some(next_step) = next_step {
            explanation.next_step = (*next_step).to_owned();
        }
        Some(explanation)
    }
}

/// Returns true for buildah's line about the next instruction, `STEP 3/7: RUN …`, also of a stage, `[1/2] STEP 3/7: …`.
fn is_instruction(line: &str) -> bool {
    let rest =
        line.split_once("] ").filter(|(stage, _)| stage.starts_with('[')).map_or(line, |(_, rest)| rest);
    let Some(numbers) = rest.strip_prefix("STEP ").and_then(|rest| rest.split(':').next()) else {
        return false;
    };
    numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/')
}

/// Explains a failure by its class.
pub fn explain_class(class: BuildFailureClass, line: Option<String>) -> BuildFailure {
    let next_step = match class {
        BuildFailureClass::Source => {
            "Check the address, the ref and the folder; for a private repository: hearth build credentials set ADDRESS"
        }
        BuildFailureClass::Plan => "Run hearth build plan in the source: it shows what is looked for.",
        BuildFailureClass::DependencyNotFound => {
            "Correct the name or the version of this package where the source requires it."
        }
        BuildFailureClass::CompileError => "Correct the source at this line, and build it again.",
        BuildFailureClass::Network => {
            "Start the build again later; if it stays so, ask an operator whether this server may be reached."
        }
        BuildFailureClass::OutOfMemory => {
            "Let the build use less memory, for instance by fewer compilers at one time, or ask an operator for more \
             (builder.memory)."
        }
        BuildFailureClass::OutOfDisk => "Ask an operator of this Hearth to free space for builds.",
        BuildFailureClass::Timeout => {
            "Make the build shorter, or ask an operator for more time (builds.time_limit)."
        }
        BuildFailureClass::StartCommandMissing => "Add a line web: COMMAND to a file Procfile.",
        BuildFailureClass::CommandFailed => "Read the whole log: hearth build logs",
    };
    BuildFailure { class, line, next_step: next_step.to_owned() }
}

#[cfg(test)]
mod tests;
