//! Requests of tools to the operators: `/tools/v1/tool/{tool}/requests` and, for operators, `/accounts/v1/requests`.

use hearth_base::{PackageSourceName, PageCursor, PageLimit, ToolId, ToolName, ToolRequestId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{events::EventData, tools::QuotaPatch};

/// Kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RequestKind)]
#[serde(rename_all = "kebab-case")]
pub enum RequestKind {
    /// Another quota of the tool.
    Quota,
    /// A source of Debian packages for the builds of the tool.
    PackageSource,
}

impl RequestKind {
    /// Returns the name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::PackageSource => "package-source",
        }
    }
}

/// State of a request. Only an open one changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RequestState)]
#[serde(rename_all = "kebab-case")]
pub enum RequestState {
    /// It waits for an operator.
    Open,
    /// An operator accepted it: the tool has what it asked for.
    Accepted,
    /// An operator refused it.
    Refused,
    /// A maintainer of the tool withdrew it, or the tool was deleted.
    Withdrawn,
}

impl RequestState {
    /// Returns the name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Package source that a tool asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::PackageSourceRequest)]
pub struct PackageSourceRequest {
    /// Name of the source: of one that the operators have added, or a proposal.
    #[schema(value_type = String)]
    pub name: PackageSourceName,
    /// Address where the source is described, for the operators; absent for a source that they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// New request. It has the field of its kind, and no other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RequestCreate)]
pub struct ToolRequestCreate {
    /// Kind of the request.
    pub kind: RequestKind,
    /// Why the tool needs it: 1 to 1000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    /// Limits that the tool asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaPatch>,
    /// Package source that the tool asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_source: Option<PackageSourceRequest>,
}

/// Request of a tool to the operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Request)]
pub struct ToolRequest {
    /// Id of the request; requests are ordered by id.
    #[schema(value_type = String)]
    pub id: ToolRequestId,
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Kind of the request.
    pub kind: RequestKind,
    /// Author: `user NAME` or `tool NAME`.
    pub author: String,
    /// Why the tool needs it.
    pub reason: String,
    /// Limits that the tool asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaPatch>,
    /// Package source that the tool asks for; of an accepted request the one that was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_source: Option<PackageSourceRequest>,
    /// State of the request.
    pub state: RequestState,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time when it was accepted, refused or withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided: Option<Timestamp>,
    /// Caller who accepted, refused or withdrew it: `user NAME`, `tool NAME`, or `hearth` for the deletion of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Answer of the operator.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
}

impl ToolRequestCreate {
    /// Describes in one line what the request asks for, as of [`ToolRequest::describe_details`].
    pub fn describe_details(&self) -> String {
        describe_details(self.kind, self.quota.as_ref(), self.package_source.as_ref())
    }
}

impl ToolRequest {
    /// Describes in one line what the request asks for: `quota memory=16Gi, cpu=default`, or `package source pgdg,
    /// https://…`.
    pub fn describe_details(&self) -> String {
        describe_details(self.kind, self.quota.as_ref(), self.package_source.as_ref())
    }
}

fn describe_details(
    kind: RequestKind,
    quota: Option<&QuotaPatch>,
    package_source: Option<&PackageSourceRequest>,
) -> String {
    match (quota, package_source) {
        (Some(patch), _) => format!("quota {}", patch.describe_limits()),
        (None, Some(PackageSourceRequest { name, url: None })) => format!("package source {name}"),
        (None, Some(PackageSourceRequest { name, url: Some(url) })) => {
            format!("package source {name}, {url}")
        }
        // A later release may know further kinds.
        (None, None) => kind.as_str().to_owned(),
    }
}

/// Filter of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ToolRequestQuery {
    /// Only requests in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RequestState>,
    /// Only requests of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<RequestKind>,
    /// Maximum number of items: 1 to 1000; default 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: PageLimit,
    /// Cursor to continue from: the `next` value of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}

/// Acceptance of a request by an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RequestAcceptance)]
#[serde(default)]
pub struct RequestAcceptance {
    /// Answer to the tool: at most 1000 characters.
    #[schema(max_length = 1000)]
    pub answer: String,
    /// Package source to grant instead of the one with the name in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub package_source: Option<PackageSourceName>,
}

/// Refusal of a request by an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RequestRefusal)]
pub struct RequestRefusal {
    /// Answer to the tool: 1 to 1000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    pub answer: String,
}

crate::topic! {
    /// Requests of tools to the operators, for webhooks, mail and the services that carry them out.
    pub enum RequestEvent in Accounts / "requests", for_webhooks: true {
        /// A maintainer of the tool made a request to the operators.
        Created(RequestEventData) = "request.created",
        /// An operator accepted a request of the tool.
        Accepted(RequestEventData) = "request.accepted" (mail: OptOut),
        /// An operator refused a request of the tool.
        Refused(RequestEventData) = "request.refused" (mail: OptOut),
    }
}

/// A request, in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RequestEventData)]
pub struct RequestEventData {
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool_id: ToolId,
    /// The request.
    pub request: ToolRequest,
}

impl EventData for RequestEventData {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_described_by_its_kind() -> Result<(), serde_json::Error> {
        for (details, described) in [
            (
                r#""kind": "quota", "quota": {"memory": "16Gi", "cpu": null}"#,
                "quota memory=16Gi, cpu=default",
            ),
            (r#""kind": "package-source", "package_source": {"name": "pgdg"}"#, "package source pgdg"),
            (
                r#""kind": "package-source", "package_source": {"name": "pgdg", "url": "https://a.example"}"#,
                "package source pgdg, https://a.example",
            ),
            (r#""kind": "quota""#, "quota"),
        ] {
            let create: ToolRequestCreate =
                serde_json::from_str(&format!(r#"{{"reason": "r", {details}}}"#))?;
            assert_eq!(create.describe_details(), described);
        }
        Ok(())
    }
}
