//! Attributes of a route.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::{
    extensions::Extensions,
    path::{Operation, PathItem},
};
use utoipa_axum::router::UtoipaMethodRouter;

/// Attributes of a route, as extensions of its operation in the OpenAPI document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteAttributes {
    /// Maximum size of a request's body, in bytes.
    #[serde(rename = "x-hearth-body-limit", skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<u64>,
    /// True when the time limit restarts whenever bytes of the request were transferred.
    #[serde(rename = "x-hearth-streaming", skip_serializing_if = "std::ops::Not::not")]
    pub streaming: bool,
    /// Seconds until a response must begin.
    #[serde(rename = "x-hearth-time-limit", skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<u64>,
    /// Path parameter that contains the tool's name.
    #[serde(rename = "x-hearth-tool", skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolParameter>,
    /// Component that responds in place of the service.
    #[serde(rename = "x-hearth-answered-by", skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// Query parameter that may contain a deploy token, which the gateway reads and removes.
    #[serde(rename = "x-hearth-deploy-token", skip_serializing_if = "Option::is_none")]
    pub deploy_token_parameter: Option<String>,
}

/// Path parameter that contains a tool's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolParameter {
    /// Name of the parameter.
    pub parameter: String,
    /// Text before the tool's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// Component that responds to a route in place of the service that declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// The gateway, which alone sees credentials: it returns the credential of a registry client's Basic
    /// authentication as a token (token authentication of container registries).
    TokenExchange,
}

/// Declares attributes of routes, after [`require_right`](crate::require_right).
#[must_use]
pub trait RouteExt: Sized {
    /// Sets the maximum size of a request's body, in bytes, instead of the door's.
    fn with_body_limit(self, bytes: u64) -> Self;
    /// Restarts the time limit whenever bytes of the request were transferred.
    fn with_streaming(self) -> Self;
    /// Sets the seconds until a response must begin, instead of the door's.
    fn with_time_limit(self, seconds: u64) -> Self;
    /// Declares the path parameter that contains the tool's name after `prefix`.
    fn with_tool_parameter(self, parameter: &str, prefix: &str) -> Self;
    /// Declares the component that responds in place of the service.
    fn with_answered_by(self, who: AnsweredBy) -> Self;
    /// Declares the query parameter that may contain a deploy token.
    fn with_deploy_token_parameter(self, parameter: &str) -> Self;
}

impl<S> RouteExt for UtoipaMethodRouter<S> {
    fn with_body_limit(self, bytes: u64) -> Self {
        add_attributes(self, RouteAttributes { body_limit: Some(bytes), ..RouteAttributes::default() })
    }

    fn with_streaming(self) -> Self {
        add_attributes(self, RouteAttributes { streaming: true, ..RouteAttributes::default() })
    }

    fn with_time_limit(self, seconds: u64) -> Self {
        add_attributes(self, RouteAttributes { time_limit: Some(seconds), ..RouteAttributes::default() })
    }

    fn with_tool_parameter(self, parameter: &str, prefix: &str) -> Self {
        let tool = ToolParameter { parameter: parameter.to_owned(), prefix: prefix.to_owned() };
        add_attributes(self, RouteAttributes { tool: Some(tool), ..RouteAttributes::default() })
    }

    fn with_answered_by(self, who: AnsweredBy) -> Self {
        add_attributes(self, RouteAttributes { answered_by: Some(who), ..RouteAttributes::default() })
    }

    fn with_deploy_token_parameter(self, parameter: &str) -> Self {
        let deploy_token_parameter = Some(parameter.to_owned());
        add_attributes(self, RouteAttributes { deploy_token_parameter, ..RouteAttributes::default() })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "callers build the attributes for this call")]
fn add_attributes<S>(
    (schemas, mut paths, router): UtoipaMethodRouter<S>,
    attributes: RouteAttributes,
) -> UtoipaMethodRouter<S> {
    paths.paths.values_mut().for_each(|item| write_attributes(item, &attributes));
    (schemas, paths, router)
}

/// Declares the path parameter `tool` as the tool's name; a route may declare another one.
pub fn declare_tool(item: &mut PathItem) {
    let tool = ToolParameter { parameter: "tool".to_owned(), prefix: String::new() };
    write_attributes(item, &RouteAttributes { tool: Some(tool), ..RouteAttributes::default() });
}

/// The operations of a path.
pub fn list_operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, query, .. } = item;
    [get, put, post, delete, options, head, patch, trace, query].into_iter().flatten()
}

/// Merges attributes into the operations of a path.
fn write_attributes(item: &mut PathItem, attributes: &RouteAttributes) {
    let Ok(Value::Object(attributes)) = serde_json::to_value(attributes) else { return };
    let attributes: Map<String, Value> = attributes;
    for operation in list_operations(item) {
        let extensions = operation.extensions.get_or_insert_with(Extensions::default);
        extensions.extend(attributes.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_are_read_as_they_are_written() -> Result<(), serde_json::Error> {
        let attributes = RouteAttributes {
            body_limit: Some(1 << 40),
            streaming: true,
            time_limit: Some(5),
            tool: Some(ToolParameter { parameter: "space".to_owned(), prefix: "tool-".to_owned() }),
            answered_by: Some(AnsweredBy::TokenExchange),
            deploy_token_parameter: Some("token".to_owned()),
        };
        let written = serde_json::to_value(&attributes)?;
        assert_eq!(
            written,
            json!({
                "x-hearth-body-limit": 1_099_511_627_776_u64,
                "x-hearth-streaming": true,
                "x-hearth-time-limit": 5,
                "x-hearth-tool": {"parameter": "space", "prefix": "tool-"},
                "x-hearth-answered-by": "token-exchange",
                "x-hearth-deploy-token": "token",
            })
        );
        assert_eq!(serde_json::from_value::<RouteAttributes>(written)?, attributes);
        assert_eq!(serde_json::to_value(RouteAttributes::default())?, json!({}));
        Ok(())
    }
}
