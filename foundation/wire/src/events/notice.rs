//! The text of a mail about an event. The service that knows the event writes it; `notify` lays it out and sends it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The text of a mail to a tool's maintainers about an event. An event that carries one is worth a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = events::Notice)]
#[serde(default)]
pub struct Notice {
    /// The part of the tool that the event is about, such as a job's name. Several events of one mail are counted by it.
    pub subject: String,
    /// The change of the subject: `failed: exit status 1`.
    pub summary: String,
    /// Further facts, in this order.
    pub facts: Vec<NoticeFact>,
    /// The last lines that a program wrote; shown as they are, and never trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// The command to run next, without `--tool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
    /// How a maintainer gets no more mail of this kind, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<String>,
}

/// One line of a notice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = events::NoticeFact)]
#[serde(default)]
pub struct NoticeFact {
    /// The label, at most seven characters: `why`, `started`.
    pub label: String,
    /// The text beside the label.
    pub text: String,
}

impl NoticeFact {
    /// A line with this label.
    pub fn new(label: &str, text: impl Into<String>) -> Self {
        Self { label: label.to_owned(), text: text.into() }
    }
}
