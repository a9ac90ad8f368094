//! Attributes of one route.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::{
    extensions::Extensions,
    path::{Operation, PathItem},
};
use utoipa_axum::router::UtoipaMethodRouter;

/// Attributes of one route, as its operation in the document has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteAttributes {
    /// Largest body of a request, in bytes.
    #[serde(rename = "x-hearth-body-limit", skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<u64>,
    /// Whether the time limit begins anew whenever bytes of the request have moved.
    #[serde(rename = "x-hearth-streaming", skip_serializing_if = "std::ops::Not::not")]
    pub streaming: bool,
    /// Seconds until an answer has to begin.
    #[serde(rename = "x-hearth-time-limit", skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<u64>,
    /// How the path names the tool that it is about.
    #[serde(rename = "x-hearth-tool", skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolParameter>,
    /// The one that answers in place of the service.
    #[serde(rename = "x-hearth-answered-by", skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
}

/// The parameter of a path that names the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolParameter {
    /// The parameter's name.
    pub parameter: String,
    /// The text before the tool's name in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// The one that answers a route in place of the service that declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// The gateway, which alone sees credentials: it gives the credential that a registry client shows by Basic back as
    /// a token (token authentication of container registries).
    TokenExchange,
}

/// Declares attributes of routes, behind [`guard`](crate::guard).
#[must_use]
pub trait RouteExt: Sized {
    /// With a largest body of a request, in bytes, other than the door's.
    fn body_limit(self, bytes: u64) -> Self;
    /// The time limit begins anew whenever bytes of the request have moved.
    fn streaming(self) -> Self;
    /// With so many seconds until an answer has to begin, other than the door's.
    fn time_limit(self, seconds: u64) -> Self;
    /// The tool's name stands behind `prefix` in this parameter of the path.
    fn tool_in(self, parameter: &str, prefix: &str) -> Self;
    /// Somebody else answers.
    fn answered_by(self, who: AnsweredBy) -> Self;
}

impl<S> RouteExt for UtoipaMethodRouter<S> {
    fn body_limit(self, bytes: u64) -> Self {
        add_attributes(self, RouteAttributes { body_limit: Some(bytes), ..RouteAttributes::default() })
    }

    fn streaming(self) -> Self {
        add_attributes(self, RouteAttributes { streaming: true, ..RouteAttributes::default() })
    }

    fn time_limit(self, seconds: u64) -> Self {
        add_attributes(self, RouteAttributes { time_limit: Some(seconds), ..RouteAttributes::default() })
    }

    fn tool_in(self, parameter: &str, prefix: &str) -> Self {
        let tool = ToolParameter { parameter: parameter.to_owned(), prefix: prefix.to_owned() };
        add_attributes(self, RouteAttributes { tool: Some(tool), ..RouteAttributes::default() })
    }

    fn answered_by(self, who: AnsweredBy) -> Self {
        add_attributes(self, RouteAttributes { answered_by: Some(who), ..RouteAttributes::default() })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "each caller makes the attributes for this one call")]
fn add_attributes<S>(
    (schemas, mut paths, router): UtoipaMethodRouter<S>,
    attributes: RouteAttributes,
) -> UtoipaMethodRouter<S> {
    paths.paths.values_mut().for_each(|item| write_attributes(item, &attributes));
    (schemas, paths, router)
}

/// The tool of a guarded path is its parameter `tool`, unless the route says otherwise.
pub fn declare_tool(item: &mut PathItem) {
    let tool = ToolParameter { parameter: "tool".to_owned(), prefix: String::new() };
    write_attributes(item, &RouteAttributes { tool: Some(tool), ..RouteAttributes::default() });
}

/// The operations of a path.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, query, .. } = item;
    [get, put, post, delete, options, head, patch, trace, query].into_iter().flatten()
}

/// Adds attributes to what the operations of a path have.
fn write_attributes(item: &mut PathItem, attributes: &RouteAttributes) {
    let Ok(Value::Object(attributes)) = serde_json::to_value(attributes) else { return };
    let attributes: Map<String, Value> = attributes;
    for operation in operations(item) {
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
            })
        );
        assert_eq!(serde_json::from_value::<RouteAttributes>(written)?, attributes);
        assert_eq!(serde_json::to_value(RouteAttributes::default())?, json!({}));
        Ok(())
    }
}
