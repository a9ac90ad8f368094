//! Text of a mail about an event. The service that publishes the event writes the text; `notify` formats and
//! sends it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Text of a mail to a tool's maintainers about an event. Only events with a notice cause a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = events::Notice)]
#[serde(default)]
pub struct Notice {
    /// Part of the tool that the event is about, such as a job's name. A mail groups its events by subject.
    pub subject: String,
    /// Change of the subject: `failed: exit status 1`.
    pub summary: String,
    /// Further facts, in order.
    pub facts: Vec<NoticeFact>,
    /// Last lines of a program's output; untrusted text, shown verbatim.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// Next command for the user, without `--tool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
    /// Sentence about opting out of this kind of mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<String>,
}

/// One line of a notice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = events::NoticeFact)]
#[serde(default)]
pub struct NoticeFact {
    /// Label, at most seven characters: `why`, `started`.
    pub label: String,
    /// Text beside the label.
    pub text: String,
}

impl NoticeFact {
    /// Creates a fact with this label.
    pub fn new(label: &str, text: impl Into<String>) -> Self {
        Self { label: label.to_owned(), text: text.into() }
    }
}
