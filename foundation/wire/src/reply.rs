//! What every answer looks like around its content.

use hearth_base::{Cursor, Limit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Sentences for people beside an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Messages {
    /// Good to know.
    pub info: Vec<String>,
    /// Worth doing something about.
    pub warning: Vec<String>,
    /// What was refused.
    pub error: Vec<String>,
}

impl Messages {
    /// One sentence that is good to know.
    pub fn info(sentence: impl Into<String>) -> Self {
        Self { info: vec![sentence.into()], ..Self::default() }
    }
}

/// A successful answer of the services that Toolforge does not have, and of `components` and `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Data<T> {
    /// The content.
    pub data: T,
    /// Sentences beside it.
    #[serde(default)]
    pub messages: Messages,
}

/// A successful answer of `jobs`, `builds` and `envvars`: the content's own keys, and `messages` beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named<T> {
    /// The content, a struct.
    #[serde(flatten)]
    pub content: T,
    /// Sentences beside it.
    #[serde(default)]
    pub messages: Messages,
}

/// A list in an answer: the items, and where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listed<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// An answer that has nothing to tell but that it was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {}

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items at most: 1 to 1000, 100 when absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Limit,
    /// Where to go on: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// A refusal, in either dialect: `error` in that of `jobs`, `builds` and `envvars`, `messages.error` elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Refusal {
    /// What was refused, in whole sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// The same, in the other dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Messages>,
    /// A stable word for programs.
    pub code: String,
    /// The request, for whoever looks into it.
    pub request_id: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A refusal of the registry (OCI distribution specification, "Error codes").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryRefusal {
    /// What was refused.
    pub errors: Vec<RegistryError>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryError {
    /// The specification's word for it.
    pub code: String,
    /// What was refused, and what to do next.
    pub message: String,
    /// The same, for Hearth's own.
    pub detail: RegistryDetail,
}

/// What Hearth's refusals have beyond the specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegistryDetail {
    /// A stable word for programs.
    pub code: String,
    /// The request, for whoever looks into it.
    pub request_id: String,
}
