//! The rights of this service.

use hearth_base::Access;
use hearth_kit::{
    guard::{MemberCaller, Requirement},
    rights,
};

rights! {
    /// Read deployments and revisions.
    ToolRead = "components:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Create, cancel and delete deployments.
    ToolWrite = "components:write", Requirement::Tool(Access::Write) => MemberCaller;
}
