//! The OpenAPI documents: each service's own, and one for everything, put together from these.

mod complete;

use hearth_base::{Error, Result};
use serde_json::{Map, Value, json};

pub(crate) use complete::{complete_document, refuses};

/// Merges services' documents. Two that mean different things by one name are an error: the reader of the
/// whole would be told only one of them.
pub fn merge(documents: impl IntoIterator<Item = Value>) -> Result<Value> {
    let mut paths = Map::new();
    let mut webhooks = Map::new();
    let mut components = Map::new();
    for document in documents {
        add("path", &mut paths, document.get("paths"))?;
        add("webhook", &mut webhooks, document.get("webhooks"))?;
        for (kind, named) in document.get("components").and_then(Value::as_object).into_iter().flatten() {
            let place = components.entry(kind.clone()).or_insert_with(|| json!({}));
            if let Some(place) = place.as_object_mut() {
                add(kind, place, Some(named))?;
            }
        }
    }
    paths.sort_keys();
    webhooks.sort_keys();
    webhooks.values_mut().for_each(Value::sort_all_objects);
    components.values_mut().for_each(Value::sort_all_objects);
    let schemes = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "a personal or a tool's token, or a session"},
        "session": {"type": "apiKey", "in": "cookie", "name": hearth_wire::accounts::SESSION_COOKIE},
    });
    components.insert("securitySchemes".to_owned(), schemes);
    let mut whole = json!({
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
        whole["webhooks"] = webhooks.into();
    }
    Ok(whole)
}

fn add(kind: &str, place: &mut Map<String, Value>, named: Option<&Value>) -> Result<()> {
    for (name, meaning) in named.and_then(Value::as_object).into_iter().flatten() {
        match place.get(name) {
            Some(other) if other != meaning => {
                return Err(Error::internal(format!(
                    "two services mean different things by the {kind} {name}"
                )));
            }
            Some(_) => {}
            None => {
                place.insert(name.clone(), meaning.clone());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_meanings_of_one_name_are_refused() -> Result<()> {
        let document =
            |kind: &str| json!({"paths": {}, "components": {"schemas": {"Thing": {"type": kind}}}});
        assert!(merge([document("string"), document("integer")]).is_err());
        let merged = merge([document("string"), document("string")])?;
        assert_eq!(merged["components"]["schemas"]["Thing"]["type"], "string");
        Ok(())
    }
}
