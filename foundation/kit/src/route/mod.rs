//! Attributes of a route that the door keeps to, declared where the route is mounted, beside its guard.
//!
//! The attributes are written as `x-hearth-…` extensions into the service's OpenAPI document. The gateway reads them from
//! the document of the running release, so that no path of a service is spelled in the gateway. A route without them has
//! the defaults of `[door]`.

mod attributes;
mod prefix;

pub use attributes::{AnsweredBy, RouteAttributes, RouteExt, ToolParameter};
pub use prefix::{Prefix, PrefixExt, Prefixes};

pub(crate) use attributes::{declare_tool, operations};
