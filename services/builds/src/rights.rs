//! Who may do what here.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{Member, Needs, Peer},
    rights,
};

rights! {
    /// Looking at a tool's builds.
    BuildsRead = "builds:read", Needs::Tool(Access::Read) => Member;
    /// Building.
    BuildsWrite = "builds:write", Needs::Tool(Access::Write) => Member;
    /// Making what was asked for.
    Make = "builds:make", Needs::Services(&[Role::Builder]) => Peer;
}
