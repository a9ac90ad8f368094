//! The problems of a configuration.

use std::cell::RefCell;

use hearth_base::{Error, ErrorKind, Result};

use super::document::TextPlace;

/// The maximum number of problems in one error.
const MAX_LISTED_PROBLEMS: usize = 50;

/// The maximum number of problems that are kept: each new one is compared with them.
const MAX_KEPT_PROBLEMS: usize = 1000;

/// The problems that were found so far. All of them are reported together, in the order of the text.
#[derive(Debug, Default)]
pub struct ConfigProblems(RefCell<Vec<(Option<TextPlace>, String)>>);

impl ConfigProblems {
    /// Adds a problem. A second one with the same sentence at the same place is left out.
    pub fn add_problem(&self, place: Option<TextPlace>, sentence: impl Into<String>) {
        let problem = (place, sentence.into());
        let mut problems = self.0.borrow_mut();
        if problems.len() < MAX_KEPT_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Error `config-invalid` (unprocessable) with all problems, if there is one.
    pub fn into_result(self) -> Result<()> {
        let mut problems = self.0.into_inner();
        problems.sort_by_key(|(place, _)| *place);
        let others = problems.len().saturating_sub(MAX_LISTED_PROBLEMS);
        let mut sentences =
            problems.into_iter().take(MAX_LISTED_PROBLEMS).map(|(place, sentence)| match place {
                Some(place) => format!("{place}: {sentence}"),
                None => sentence,
            });
        let Some(first) = sentences.next() else { return Ok(()) };
        let error = Error::new(ErrorKind::Unprocessable, "config-invalid", first)
            .help("docs/deployments.md describes the keys of a configuration");
        let error = sentences.fold(error, |error, sentence| error.and_message(sentence));
        Err(match others {
            0 => error,
            others => error.and_message(format!("{others} more problems are not listed")),
        })
    }
}
