//! Who may do what here.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{Member, Needs, Peer},
    rights,
};

rights! {
    /// Reading what a tool's jobs have written.
    LogsRead = "logs:read", Needs::Tool(Access::Read) => Member;
    /// Handing over what runs and builds write.
    Append = "logs:append", Needs::Services(&[Role::Jobs, Role::Builder]) => Peer;
    /// Showing lines in another API.
    Show = "logs:show", Needs::Services(&[Role::Jobs, Role::Builds, Role::Components]) => Peer;
}
