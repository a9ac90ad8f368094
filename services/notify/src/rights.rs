//! Who may do what here.

use hearth_base::Access;
use hearth_kit::{
    guard::{Member, Needs},
    rights,
};

rights! {
    /// Looking at what is told of a tool, and what became of it.
    NotifyRead = "notify:read", Needs::Tool(Access::Read) => Member;
    /// Changing who is told.
    NotifyWrite = "notify:write", Needs::Tool(Access::Write) => Member;
}
