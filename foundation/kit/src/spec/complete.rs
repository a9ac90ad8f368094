//! Completion of a service's OpenAPI document with the parts that every operation has: error responses, their schema,
//! and patterns of path parameters.

use axum::http::StatusCode;
use hearth_wire::reply::{Refusal, RegistryRefusal};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
        path::{Operation, ParameterIn},
    },
};

use crate::{
    reply::Dialect,
    route::{RoutePrefixes, list_operations},
};

/// Patterns of path parameters, by name.
const PATH_PARAMETER_PATTERNS: &[(&str, &str)] = &[
    ("*path", "^[^\\x00-\\x1f]{1,500}$"),
    ("builder", "^[^\\x00-\\x1f]{1,100}$"),
    ("digest", "^sha256:[0-9a-f]{64}$"),
    ("environment", "^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$"),
    ("envvar", "^[A-Za-z_][A-Za-z0-9_]{0,127}$"),
    ("holder", "^[a-z]{1,32}:[a-z0-9_:.-]{1,200}$"),
    ("item", "^[^\\x00-\\x1f]{1,255}$"),
    ("job", "^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$"),
    ("name", "^[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*$"),
    ("package_source", "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"),
    ("reference", "^([A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64})$"),
    ("space", "^(hearth|tool-[a-z][a-z0-9-]{0,30}[a-z0-9])$"),
    ("tag", "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"),
    ("task", "^[^\\x00-\\x1f]{1,64}$"),
    ("tool", "^[a-z][a-z0-9-]{0,30}[a-z0-9]$"),
    ("upstream", "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"),
    ("user", "^[a-z0-9][a-z0-9._-]{0,38}$"),
];

/// Path parameters whose value is the id of the object of that name.
const ID_PARAMETERS: &[&str] = &[
    "build",
    "credential",
    "delivery",
    "deployment",
    "link",
    "mandate",
    "request",
    "run",
    "session",
    "source",
    "token",
    "upload",
    "webhook",
];
/// Pattern of an id after its prefix and underscore: a ULID in lower case.
const ULID_PATTERN: &str = "[0-7][0-9a-hjkmnp-tv-z]{25}";

/// Completes the document of a service. `usual` is the dialect of prefixes without one of their own.
pub fn complete_document(document: &mut OpenApi, prefixes: &RoutePrefixes, usual: Dialect) {
    let components = document.components.get_or_insert_with(Components::new);
    for (path, item) in &mut document.paths.paths {
        let dialect = prefixes.find_dialect(path, usual);
        let schema = match dialect {
            Dialect::Registry => add_schema::<RegistryRefusal>(components),
            Dialect::Named | Dialect::Data => add_schema::<Refusal>(components),
        };
        for operation in list_operations(item) {
            set_parameter_patterns(operation);
            relax_optional_body(operation, components);
            add_input_refusals(operation, path, dialect);
            add_refusal_response(
                operation,
                "default",
                "the request failed: a message, a code, and a next step",
            );
            set_refusal_schema(operation, &schema);
            fill_descriptions(operation);
        }
    }
}

/// Adds an error response to an operation, unless the operation describes that status itself.
pub fn add_refusal_response(operation: &mut Operation, status: &str, description: &str) {
    let response = || ResponseBuilder::new().description(description).build().into();
    operation.responses.responses.entry(status.to_owned()).or_insert_with(response);
}

/// Adds the error responses for invalid input.
fn add_input_refusals(operation: &mut Operation, path: &str, dialect: Dialect) {
    let takes = operation.parameters.iter().flatten().next().is_some();
    let body = operation.request_body.is_some();
    if path.contains('{') {
        add_refusal_response(operation, "404", "the object does not exist, or the caller may not see it");
    }
    if takes || body {
        add_refusal_response(operation, "400", "the request is invalid");
    }
    if (takes || body) && dialect == Dialect::Data {
        add_refusal_response(operation, "422", "the request does not match the schema");
    }
    if body {
        add_refusal_response(operation, "413", "the body is too large");
    }
}

/// Sets the patterns of path parameters.
fn set_parameter_patterns(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.parameter_in == ParameterIn::Path
            && let Some(pattern) = find_parameter_pattern(&parameter.name)
        {
            let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
            parameter.schema = Some(schema.into());
        }
    }
}

fn find_parameter_pattern(name: &str) -> Option<String> {
    if ID_PARAMETERS.contains(&name) {
        return Some(format!("^{name}_{ULID_PATTERN}$"));
    }
    let (_, pattern) = PATH_PARAMETER_PATTERNS.iter().find(|(known, _)| *known == name)?;
    Some((*pattern).to_owned())
}

/// Declares a JSON body as optional when its schema requires no field.
fn relax_optional_body(operation: &mut Operation, components: &Components) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let schema = match body.content.get("application/json") {
        Some(RefOr::T(content)) => content.schema.as_ref(),
        Some(RefOr::Ref(_)) | None => None,
    };
    if schema.is_some_and(|schema| !requires_field(schema, components)) {
        body.required = Some(Required::False);
    }
}

/// True when a schema requires a field, or is none of an object.
fn requires_field(schema: &RefOr<Schema>, components: &Components) -> bool {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            components.schemas.get(name).is_none_or(|schema| requires_field(schema, components))
        }
        RefOr::T(Schema::Object(object)) => !object.required.is_empty() || object.properties.is_empty(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().any(|schema| requires_field(schema, components)),
        RefOr::T(_) => true,
    }
}

/// Sets `schema` as the content of error responses that declare none.
fn set_refusal_schema(operation: &mut Operation, schema: &Ref) {
    for (status, response) in &mut operation.responses.responses {
        let refused = status.starts_with(['4', '5']) || status == "default";
        if let RefOr::T(response) = response
            && refused
            && response.content.is_empty()
        {
            response.content.insert("application/json".to_owned(), Content::new(Some(schema.clone())).into());
        }
    }
}

/// Fills missing descriptions of responses with the status's reason phrase.
fn fill_descriptions(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let (RefOr::T(response), Ok(status)) = (response, status.parse::<StatusCode>())
            && response.description.is_empty()
        {
            response.description = status.canonical_reason().unwrap_or_default().to_owned();
        }
    }
}

/// Adds the schema of `T` to the components and returns a reference to it.
fn add_schema<T: ToSchema + PartialSchema>(components: &mut Components) -> Ref {
    let mut needed = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut needed);
    components.schemas.extend(needed);
    Ref::from_schema_name(T::name())
}

#[cfg(test)]
mod tests {
    use hearth_base::{BuildId, Clock, Entropy, SystemClock};
    use serde_json::json;

    use super::*;

    #[test]
    fn pattern_of_an_id_has_its_prefix_and_its_length() {
        let id = BuildId::new(SystemClock.now(), &Entropy::System).to_string();
        let pattern = find_parameter_pattern("build").unwrap();
        assert_eq!(pattern, "^build_[0-7][0-9a-hjkmnp-tv-z]{25}$");
        assert_eq!(id.len(), "build_".len() + 26);
    }

    #[test]
    fn body_without_required_fields_is_optional() {
        let operation = |schema: serde_json::Value| -> Operation {
            let content = json!({"application/json": {"schema": schema}});
            let operation = json!({"responses": {}, "requestBody": {"content": content, "required": true}});
            let mut operation: Operation = serde_json::from_value(operation).unwrap();
            relax_optional_body(&mut operation, &Components::new());
            operation
        };
        let required = |operation: Operation| {
            serde_json::to_value(operation).unwrap()["requestBody"]["required"].clone()
        };
        let fields = json!({"a": {"type": "string"}});
        let optional = operation(json!({"type": "object", "properties": fields}));
        assert_eq!(required(optional), json!(false));
        let needed = operation(json!({"type": "object", "properties": fields, "required": ["a"]}));
        assert_eq!(required(needed), json!(true));
    }
}
