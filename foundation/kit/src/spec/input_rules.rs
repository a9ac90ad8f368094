//! Rules for inputs that the OpenAPI document declares and types of Rust do not check: the ranges of query parameters,
//! and whether a body is required. They are read from the document itself, so that document and checks agree.

use std::{collections::BTreeMap, sync::Arc};

use axum::http::Method;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// Rules of all operations of a service, by method and path template.
#[derive(Debug, Default)]
pub struct InputRules(BTreeMap<(String, String), Arc<OperationRules>>);

/// Rules of one operation, as a request extension.
#[derive(Debug, Default)]
pub struct OperationRules {
    requires_body: bool,
    ranges: BTreeMap<String, ParameterRange>,
}

/// Range of a numeric query parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ParameterRange {
    minimum: Option<f64>,
    maximum: Option<f64>,
}

impl InputRules {
    /// Reads the rules from a complete document.
    pub fn from_document(document: &OpenApi) -> Self {
        let document = serde_json::to_value(document).unwrap_or_default();
        let mut rules = BTreeMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let key = (method.to_ascii_uppercase(), path.clone());
                rules.insert(key, Arc::new(OperationRules::from_operation(operation)));
            }
        }
        Self(rules)
    }

    /// Finds the rules of an operation.
    pub fn find_operation(&self, method: &Method, path: &str) -> Option<Arc<OperationRules>> {
        self.0.get(&(method.to_string(), path.to_owned())).cloned()
    }
}

impl OperationRules {
    fn from_operation(operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let ranges = parameters.filter(|parameter| parameter["in"] == "query").filter_map(|parameter| {
            let schema = &parameter["schema"];
            let range =
                ParameterRange { minimum: schema["minimum"].as_f64(), maximum: schema["maximum"].as_f64() };
            let is_limited = range.minimum.is_some() || range.maximum.is_some();
            is_limited.then(|| Some((parameter["name"].as_str()?.to_owned(), range))).flatten()
        });
        Self {
            ranges: ranges.collect(),
            requires_body: operation["requestBody"]["required"].as_bool().unwrap_or(false),
        }
    }

    /// True when the operation requires a body.
    pub fn requires_body(&self) -> bool {
        self.requires_body
    }

    /// Finds the query parameters that are outside of their ranges; returns a sentence for each. What is no number is
    /// left to the type of the parameter.
    pub fn list_range_violations(&self, pairs: &[(String, String)]) -> Vec<String> {
        pairs.iter().filter_map(|(name, value)| self.describe_violation(name, value)).collect()
    }

    fn describe_violation(&self, name: &str, value: &str) -> Option<String> {
        let ParameterRange { minimum, maximum } = self.ranges.get(name)?;
        let number: f64 = value.parse().ok()?;
        let expected = match (minimum, maximum) {
            (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
            (Some(minimum), None) => format!("at least {minimum}"),
            (None, Some(maximum)) => format!("at most {maximum}"),
            (None, None) => return None,
        };
        let is_inside = minimum.is_none_or(|minimum| number >= minimum)
            && maximum.is_none_or(|maximum| number <= maximum);
        (!is_inside).then(|| format!("query parameter {name}: {number} is out of range; expected {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list_violations(query: &[(&str, &str)]) -> Vec<String> {
        let rules = OperationRules::from_operation(&json!({
            "parameters": [
                {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}},
                {"name": "lines", "in": "query", "schema": {"type": "integer", "minimum": 0}},
                {"name": "tool", "in": "path", "schema": {"type": "integer", "minimum": 5}},
            ],
        }));
        let pairs: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        rules.list_range_violations(&pairs)
    }

    #[test]
    fn query_parameter_outside_of_its_declared_range_is_named() {
        assert_eq!(
            list_violations(&[("limit", "0"), ("lines", "-1"), ("limit", "1001")]),
            [
                "query parameter limit: 0 is out of range; expected 1 to 1000",
                "query parameter lines: -1 is out of range; expected at least 0",
                "query parameter limit: 1001 is out of range; expected 1 to 1000",
            ]
        );
        assert!(
            list_violations(&[("limit", "1"), ("limit", "1000"), ("limit", "x"), ("tool", "1")]).is_empty()
        );
    }

    #[test]
    fn required_body_is_read_from_the_document() {
        let requires =
            |body: Value| OperationRules::from_operation(&json!({ "requestBody": body })).requires_body();
        assert!(requires(json!({"required": true})));
        assert!(!requires(json!({"required": false})) && !requires(json!({})));
    }
}
