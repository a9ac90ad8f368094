//! Typed topics: which events a reader of a stream can see, and what each carries.

use hearth_base::{Result, Role, ToolId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{Ref, RefOr, Schema},
};

/// The data of an event.
pub trait EventData: Serialize + DeserializeOwned + ToSchema {
    /// The tool that the event is about.
    fn tool(&self) -> Option<ToolId>;
}

/// A topic, known by its name only.
#[derive(Debug)]
pub struct TopicInfo {
    /// The service whose stream it belongs to.
    pub service: Role,
    /// The name, one word: the last segment of the path where it is read.
    pub name: &'static str,
    /// True when webhooks are sent these events.
    pub for_webhooks: bool,
    /// The event types.
    pub types: &'static [EventTypeInfo],
}

/// One event type.
#[derive(Debug)]
pub struct EventTypeInfo {
    /// The name, such as `job.run.failed`.
    pub name: &'static str,
    /// When it happens.
    pub description: &'static str,
    /// The schema of its data; the schemas that it refers to are added to the list.
    pub schema: fn(&mut NamedSchemas) -> Ref,
}

/// Schemas by their names.
pub type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// A topic whose events can be written and read. Declared by [`topic!`](crate::topic).
pub trait Topic: Sized {
    /// The topic without its types.
    const TOPIC_INFO: &'static TopicInfo;

    /// The name of this event's type.
    fn event_type(&self) -> &'static str;

    /// The tool that this event is about.
    fn tool(&self) -> Option<ToolId>;

    /// The data of this event.
    fn to_data(&self) -> Result<Value>;

    /// Reads what an event of this type carries; `None` for a type that this release does not know.
    fn decode(event_type: &str, data: &Value) -> Result<Option<Self>>;
}

/// The schema of `T` by its name, with everything that it refers to.
pub fn schema_of<T: EventData>(needed: &mut NamedSchemas) -> Ref {
    needed.push((T::name().into_owned(), T::schema()));
    T::schemas(needed);
    Ref::from_schema_name(T::name())
}

/// Declares a topic: an enum whose variants are event types, each with the data that it carries and its public name.
#[macro_export]
macro_rules! topic {
    (
        $(#[$meta:meta])*
        pub enum $name:ident in $service:ident / $topic:literal, for_webhooks: $webhooks:literal {
            $( $(#[doc = $doc:literal])+ $variant:ident($data:ty) = $type:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $( $(#[doc = $doc])+ $variant($data), )+
        }

        impl $crate::events::Topic for $name {
            const TOPIC_INFO: &'static $crate::events::TopicInfo = &$crate::events::TopicInfo {
                service: hearth_base::Role::$service,
                name: $topic,
                for_webhooks: $webhooks,
                types: &[$( $crate::events::EventTypeInfo {
                    name: $type,
                    description: concat!($($doc),+),
                    schema: $crate::events::schema_of::<$data>,
                }, )+],
            };

            fn event_type(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $type, )+
                }
            }

            fn tool(&self) -> Option<hearth_base::ToolId> {
                match self {
                    $( Self::$variant(data) => $crate::events::EventData::tool(data), )+
                }
            }

            fn to_data(&self) -> hearth_base::Result<serde_json::Value> {
                match self {
                    $( Self::$variant(data) => serde_json::to_value(data), )+
                }
                .map_err(hearth_base::Error::internal)
            }

            fn decode(event_type: &str, data: &serde_json::Value) -> hearth_base::Result<Option<Self>> {
                let decoded = match event_type {
                    $( $type => serde::Deserialize::deserialize(data).map(Self::$variant), )+
                    _ => return Ok(None),
                };
                decoded.map(Some).map_err(hearth_base::Error::internal)
            }
        }
    };
}
