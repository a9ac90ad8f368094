//! Access rights of this service's endpoints.

use hearth_base::Access;
use hearth_kit::{
    guard::{MemberCaller, Requirement},
    rights,
};

rights! {
    /// Reads the usage of a tool's storage.
    StorageRead = "storage:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Reads and changes files. Reading needs write access too, because files may contain secrets.
    FilesAccess = "storage:write", Requirement::Tool(Access::Write) => MemberCaller;
}
