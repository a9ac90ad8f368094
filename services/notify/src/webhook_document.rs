//! The webhooks in the service's OpenAPI document: one entry for each event type that a service declared.

use hearth_wire::{
    events::{EventTypeInfo, NamedSchemas},
    topics::webhook_types,
};
use utoipa::openapi::{
    Components, Content, HttpMethod, KnownFormat, ObjectBuilder, OpenApi, Paths, Required, ResponseBuilder,
    SchemaFormat, Type,
    path::{OperationBuilder, PathItem},
    request_body::RequestBodyBuilder,
};

/// Adds the webhooks to a document.
pub fn add_webhooks(document: &mut OpenApi) {
    let mut schemas = NamedSchemas::new();
    let mut webhooks = Paths::new();
    for declared in webhook_types() {
        webhooks.paths.insert(declared.name.to_owned(), describe_event_type(declared, &mut schemas));
    }
    document.webhooks = Some(webhooks);
    document.components.get_or_insert_with(Components::new).schemas.extend(schemas);
}

/// Describes the request that a webhook receives for an event (Standard Webhooks specification, "Payload
/// structure").
fn describe_event_type(declared: &EventTypeInfo, schemas: &mut NamedSchemas) -> PathItem {
    let EventTypeInfo { name, description, mail: _, schema } = declared;
    let event_type = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([*name]));
    let time = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    let payload = ObjectBuilder::new()
        .property("type", event_type)
        .required("type")
        .property("timestamp", ObjectBuilder::new().schema_type(Type::String).format(Some(time)))
        .required("timestamp")
        .property("data", schema(schemas))
        .required("data")
        .build();
    let body = RequestBodyBuilder::new()
        .content("application/json", Content::new(Some(payload)))
        .required(Some(Required::True))
        .build();
    let accepted = ResponseBuilder::new().description("the receiver has accepted the event").build();
    let operation = OperationBuilder::new()
        .summary(Some(description.trim()))
        .request_body(Some(body))
        .response("2XX", accepted)
        .build();
    PathItem::new(HttpMethod::Post, operation)
}
