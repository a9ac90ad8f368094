//! OpenAPI documents: one for each service, and one merged from all.

mod complete;
mod input_rules;

use hearth_base::{Error, Result};
use serde_json::{Map, Value, json};

pub(crate) use complete::{add_refusal_response, complete_document};
pub(crate) use input_rules::{InputRules, OperationRules};

/// Merges the documents of services. Different definitions of one name are an internal error.
pub fn merge_documents(documents: impl IntoIterator<Item = Value>) -> Result<Value> {
    let mut paths = Map::new();
    let mut webhooks = Map::new();
    let mut components = Map::new();
    for document in documents {
        merge_entries("path", &mut paths, document.get("paths"))?;
        merge_entries("webhook", &mut webhooks, document.get("webhooks"))?;
        for (kind, named) in document.get("components").and_then(Value::as_object).into_iter().flatten() {
            let entries = components.entry(kind.clone()).or_insert_with(|| json!({}));
            if let Some(place) = entries.as_object_mut() {
                merge_entries(kind, place, Some(named))?;
            }
        }
    }
    paths.sort_keys();
    webhooks.sort_keys();
    webhooks.values_mut().for_each(Value::sort_all_objects);
    components.values_mut().for_each(Value::sort_all_objects);
    let schemes = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "a personal token, a tool's token, or a session"},
        "session": {"type": "apiKey", "in": "cookie", "name": hearth_wire::accounts::SESSION_COOKIE},
        "deploy-token": {
            "type": "apiKey", "in": "query", "name": hearth_wire::components::DEPLOY_TOKEN_PARAMETER,
            "description": "the deploy token of the tool; as a bearer token too",
        },
    });
    components.insert("securitySchemes".to_owned(), schemes);
    let mut merged = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hearth",
            "version": "1",
            "description": "Build, run, share and find a community's tools.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": components,
    });
    if !webhooks.is_empty() {
        merged["webhooks"] = webhooks.into();
    }
    Ok(merged)
}

fn merge_entries(kind: &str, entries: &mut Map<String, Value>, definitions: Option<&Value>) -> Result<()> {
    for (name, meaning) in definitions.and_then(Value::as_object).into_iter().flatten() {
        match entries.get(name) {
            Some(other) if other != meaning => {
                return Err(Error::internal(format!("two services define the {kind} {name} differently")));
            }
            Some(_) => {}
            None => {
                entries.insert(name.clone(), meaning.clone());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicting_definitions_of_one_name_are_refused() -> Result<()> {
        let document =
            |kind: &str| json!({"paths": {}, "components": {"schemas": {"Thing": {"type": kind}}}});
        assert!(merge_documents([document("string"), document("integer")]).is_err());
        let merged = merge_documents([document("string"), document("string")])?;
        assert_eq!(merged["components"]["schemas"]["Thing"]["type"], "string");
        Ok(())
    }
}
