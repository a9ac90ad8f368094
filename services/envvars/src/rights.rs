//! Who may do what here.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{Member, Needs, Peer},
    rights,
};

rights! {
    /// Looking at a tool's variables; values are for those who may change them.
    EnvvarsRead = "envvars:read", Needs::Tool(Access::Read) => Member;
    /// Seeing values and changing them.
    EnvvarsWrite = "envvars:write", Needs::Tool(Access::Write) => Member;
    /// Starting runs with them, and saying which run with former ones. Builds have none: what a build is given can be read in its image.
    GiveOut = "envvars:give-out", Needs::Services(&[Role::Jobs]) => Peer;
}
