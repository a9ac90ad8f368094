//! The JSON Schema of Hearth's format, for editors.

use std::collections::BTreeMap;

use hearth_wire::components::HearthConfig;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

/// The path of schemas in an API document.
const API_SCHEMAS_PATH: &str = "#/components/schemas/";

/// Builds the JSON Schema of `hearth.yaml` from the types of the API. Unlike in the API document, unknown keys are
/// refused, so that editors mark them.
pub fn build_config_schema() -> Value {
    let mut schemas = vec![(HearthConfig::name().into_owned(), HearthConfig::schema())];
    HearthConfig::schemas(&mut schemas);
    let definitions: BTreeMap<String, Value> = schemas
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hearth.yaml",
        "$ref": format!("{API_SCHEMAS_PATH}{}", HearthConfig::name()),
        "$defs": definitions,
    });
    adapt_schema(&mut document);
    document
}

fn adapt_schema(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                *reference = reference.replace(API_SCHEMAS_PATH, "#/$defs/");
            }
            refuse_unknown_keys(fields);
            fields.values_mut().for_each(adapt_schema);
        }
        Value::Array(items) => items.iter_mut().for_each(adapt_schema),
        _ => {}
    }
}

fn refuse_unknown_keys(fields: &mut Map<String, Value>) {
    // `properties` is also the name of the map of properties, which is no schema.
    let is_object =
        fields.get("type").is_some_and(|kind| kind == "object" || *kind == json!(["object", "null"]));
    if is_object && fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
        fields.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_of_the_format_refuses_unknown_keys_and_has_all_definitions() {
        let schema = build_config_schema();
        assert_eq!(schema["$ref"], "#/$defs/components.HearthConfig");
        for name in ["components.HearthConfig", "components.HearthComponent", "components.HearthBuild"] {
            assert_eq!(schema["$defs"][name]["additionalProperties"], false, "{name}");
        }
        let text = schema.to_string();
        assert!(!text.contains(API_SCHEMAS_PATH), "{text}");
        for reference in text.split("\"#/$defs/").skip(1).filter_map(|part| part.split('"').next()) {
            assert!(schema["$defs"][reference].is_object(), "{reference}");
        }
        let component = &schema["$defs"]["components.HearthComponent"]["properties"];
        for key in
            ["type", "run", "build", "reuse_from", "image", "schedule", "health_check", "checks", "stop"]
        {
            assert!(component[key].is_object(), "{key}");
        }
    }
}
