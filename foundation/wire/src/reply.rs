//! Envelopes of responses: messages, lists and errors.

use hearth_base::{PageCursor, PageLimit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Messages for users beside the content of a response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Messages {
    /// Information.
    pub info: Vec<String>,
    /// Warnings.
    pub warning: Vec<String>,
    /// Errors.
    pub error: Vec<String>,
}

impl Messages {
    /// Creates messages with one information sentence.
    pub fn with_info(sentence: impl Into<String>) -> Self {
        Self { info: vec![sentence.into()], ..Self::default() }
    }
}

/// Successful response of the services that Toolforge does not have, and of `components` and `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Data<T> {
    /// The content.
    pub data: T,
    /// Messages beside the content.
    #[serde(default)]
    pub messages: Messages,
}

/// Successful response of `jobs`, `builds` and `envvars`: the keys of the content, with `messages` beside
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named<T> {
    /// The content; a struct.
    #[serde(flatten)]
    pub content: T,
    /// Messages beside the content.
    #[serde(default)]
    pub messages: Messages,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listed<T> {
    /// Items of this page.
    pub items: Vec<T>,
    /// Cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
}

/// Response without content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {}

/// Page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Maximum number of items: 1 to 1000; default 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: PageLimit,
    /// Cursor to continue from: the `next` value of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}

/// Error response in either dialect: `error` in `jobs`, `builds` and `envvars`, `messages.error` elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Refusal {
    /// Error messages, as whole sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// The same messages, in the other dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Messages>,
    /// Stable error code for programs.
    pub code: String,
    /// Id of the request, for the operator's log.
    pub request_id: String,
    /// Next step for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Error response of the registry (OCI distribution specification, "Error codes").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryRefusal {
    /// The errors.
    pub errors: Vec<RegistryError>,
}

/// One error of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryError {
    /// Error code of the specification.
    pub code: String,
    /// Error message and the next step.
    pub message: String,
    /// Error details of Hearth.
    pub detail: RegistryDetail,
}

/// Fields of Hearth's errors beyond the specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryDetail {
    /// Stable error code for programs.
    pub code: String,
    /// Id of the request, for the operator's log.
    pub request_id: String,
}
