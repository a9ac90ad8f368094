//! Attributes of routes that the gateway enforces, declared where a route is mounted.
//!
//! The attributes are `x-hearth-…` extensions in the service's OpenAPI document. The gateway reads them from the
//! document of the running release and contains no paths of services itself. A route without attributes has the
//! defaults of `[door]`.

mod attributes;
mod prefix;

pub use attributes::{AnsweredBy, RouteAttributes, RouteExt, ToolParameter};
pub use prefix::{PrefixExt, RoutePrefix, RoutePrefixes};

pub(crate) use attributes::{declare_tool, list_operations};
