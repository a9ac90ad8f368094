//! Typed topics: event types that a consumer of a stream can read, and their data.

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

/// Description of a topic without its Rust type.
#[derive(Debug)]
pub struct TopicInfo {
    /// Service that owns the stream.
    pub service: Role,
    /// Name, one word: the last segment of the path where the topic is read.
    pub name: &'static str,
    /// True when webhooks receive these events.
    pub for_webhooks: bool,
    /// Event types of the topic.
    pub types: &'static [EventTypeInfo],
}

/// Description of one event type.
#[derive(Debug)]
pub struct EventTypeInfo {
    /// Name, such as `job.run.failed`.
    pub name: &'static str,
    /// Occasion of the event.
    pub description: &'static str,
    /// Mail about these events.
    pub mail: MailPolicy,
    /// Builds the schema of the data and adds the schemas that it refers to.
    pub schema: fn(&mut NamedSchemas) -> Ref,
}

/// Mail about the events of a type to the members of the tool. A mail is sent only about an event with a
/// [`Notice`](super::Notice).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPolicy {
    /// No event of this type has a notice for the members.
    NoMail,
    /// Members get mail unless they decline this type.
    OptOut,
    /// Only members who choose this type get mail.
    OptIn,
}

/// Schemas with their names.
pub type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// Topic whose events can be encoded and decoded. [`topic!`](crate::topic) declares it.
pub trait Topic: Sized {
    /// Description of the topic.
    const TOPIC_INFO: &'static TopicInfo;

    /// Returns the name of this event's type.
    fn event_type(&self) -> &'static str;

    /// Returns the tool that this event is about.
    fn tool(&self) -> Option<ToolId>;

    /// Encodes the data of this event.
    fn to_data(&self) -> Result<Value>;

    /// Decodes the data of an event; `None` for an event type that this release does not declare.
    fn decode(event_type: &str, data: &Value) -> Result<Option<Self>>;
}

/// Builds a reference to the schema of `T`, and adds `T` and everything that it refers to to the list.
pub fn schema_of<T: EventData>(needed: &mut NamedSchemas) -> Ref {
    needed.push((T::name().into_owned(), T::schema()));
    T::schemas(needed);
    Ref::from_schema_name(T::name())
}

/// Declares a topic: an enum whose variants are event types, each with its data, its public name, and, if there is mail
/// about it, its [`MailPolicy`].
#[macro_export]
macro_rules! topic {
    (
        $(#[$meta:meta])*
        pub enum $name:ident in $service:ident / $topic:literal, for_webhooks: $webhooks:literal {
            $( $(#[doc = $doc:literal])+ $variant:ident($data:ty) = $type:literal $((mail: $mail:ident))?, )+
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
                    mail: $crate::topic!(@mail_policy $($mail)?),
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
    (@mail_policy) => { $crate::events::MailPolicy::NoMail };
    (@mail_policy $mail:ident) => { $crate::events::MailPolicy::$mail };
}
