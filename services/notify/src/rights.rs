//! Who may do what here.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{Member, Needs, Peer},
    rights,
};

rights! {
    /// Looking at what is told of a tool, and what became of it.
    NotifyRead = "notify:read", Needs::Tool(Access::Read) => Member;
    /// Changing who is told.
    NotifyWrite = "notify:write", Needs::Tool(Access::Write) => Member;
    /// Asking which channels there are.
    ReadChannels = "notify:channels", Needs::Services(&[Role::Jobs]) => Peer;
}
