//! Who may do what here.

use hearth_base::Access;
use hearth_kit::{
    guard::{Member, Needs},
    rights,
};

rights! {
    /// Looking at what was deployed.
    ToolRead = "components:read", Needs::Tool(Access::Read) => Member;
    /// Deploying.
    ToolWrite = "components:write", Needs::Tool(Access::Write) => Member;
}
