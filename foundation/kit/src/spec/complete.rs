//! Completion of a service's OpenAPI document with the parts that every operation has: error responses, their schema,
//! and patterns of path parameters.

use axum::http::StatusCode;
use hearth_wire::reply::{Refusal, RegistryRefusal};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Type,
        path::{Operation, ParameterIn},
    },
};

use crate::{
    reply::Dialect,
    route::{RoutePrefixes, list_operations},
};

/// Patterns of path parameters, by name.
const PATH_PARAMETER_PATTERNS: &[(&str, &str)] = &[
    ("envvar", "^[A-Za-z_][A-Za-z0-9_]{0,127}$"),
    ("job", "^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$"),
    ("tool", "^[a-z][a-z0-9-]{0,30}[a-z0-9]$"),
    ("user", "^[a-z0-9][a-z0-9._-]{0,38}$"),
];

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
            && let Some((_, pattern)) =
                PATH_PARAMETER_PATTERNS.iter().find(|(name, _)| *name == parameter.name)
        {
            let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(*pattern));
            parameter.schema = Some(schema.into());
        }
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
