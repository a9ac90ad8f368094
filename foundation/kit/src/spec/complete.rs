//! What is true of every operation, written into a service's document once it is whole: which requests are refused, with
//! which status, and how a refusal looks.

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
    route::{Prefixes, operations},
};

/// What a parameter of the path looks like, by its name.
const IN_PATHS: &[(&str, &str)] = &[
    ("envvar", "^[A-Za-z_][A-Za-z0-9_]{0,127}$"),
    ("job", "^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$"),
    ("tool", "^[a-z][a-z0-9-]{0,30}[a-z0-9]$"),
    ("user", "^[a-z0-9][a-z0-9._-]{0,38}$"),
];

/// Completes the document of a service that speaks `usual` where its prefixes say nothing else.
pub fn complete_document(document: &mut OpenApi, prefixes: &Prefixes, usual: Dialect) {
    let components = document.components.get_or_insert_with(Components::new);
    for (path, item) in &mut document.paths.paths {
        let dialect = prefixes.dialect_at(path, usual);
        let schema = match dialect {
            Dialect::Registry => known::<RegistryRefusal>(components),
            Dialect::Named | Dialect::Data => known::<Refusal>(components),
        };
        for operation in operations(item) {
            names(operation);
            inputs(operation, path, dialect);
            refuses(operation, "default", "refused: what happened, a code, what to do next");
            look_like(operation, &schema);
            describe_operation(operation);
        }
    }
}

/// Adds a refusal to an operation, unless it tells what that status means there.
pub fn refuses(operation: &mut Operation, status: &str, description: &str) {
    let response = || ResponseBuilder::new().description(description).build().into();
    operation.responses.responses.entry(status.to_owned()).or_insert_with(response);
}

/// What cannot be read is refused before the operation has it.
fn inputs(operation: &mut Operation, path: &str, dialect: Dialect) {
    let takes = operation.parameters.iter().flatten().next().is_some();
    let body = operation.request_body.is_some();
    if path.contains('{') {
        refuses(operation, "404", "there is no such thing, or the caller may not see it");
    }
    if takes || body {
        refuses(operation, "400", "something that is sent is wrong");
    }
    if (takes || body) && dialect == Dialect::Data {
        refuses(operation, "422", "something that is sent is not what is described here");
    }
    if body {
        refuses(operation, "413", "the body is too large");
    }
}

/// Names in the path look as names do everywhere.
fn names(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.parameter_in == ParameterIn::Path
            && let Some((_, pattern)) = IN_PATHS.iter().find(|(name, _)| *name == parameter.name)
        {
            let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(*pattern));
            parameter.schema = Some(schema.into());
        }
    }
}

/// Whatever is refused and does not say how that looks, looks like `schema`.
fn look_like(operation: &mut Operation, schema: &Ref) {
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

/// Every answer has a description: the status's own name where there is nothing more to say.
fn describe_operation(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let (RefOr::T(response), Ok(status)) = (response, status.parse::<StatusCode>())
            && response.description.is_empty()
        {
            response.description = status.canonical_reason().unwrap_or_default().to_owned();
        }
    }
}

/// A reference to the schema of `T`, which is among the components from now on.
fn known<T: ToSchema + PartialSchema>(components: &mut Components) -> Ref {
    let mut needed = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut needed);
    components.schemas.extend(needed);
    Ref::from_schema_name(T::name())
}
