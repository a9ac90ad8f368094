//! Who may do what here.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{Member, Needs, Peer},
    rights,
};

rights! {
    /// Looking at what a tool runs.
    JobsRead = "jobs:read", Needs::Tool(Access::Read) => Member;
    /// Changing what a tool runs.
    JobsWrite = "jobs:write", Needs::Tool(Access::Write) => Member;
    /// Reading where tools' pages are answered.
    ReadRoutes = "jobs:routes", Needs::Services(&[Role::Edge, Role::Components]) => Peer;
    /// Sealing values for the runtime, and hearing of jobs that run with former ones.
    ForEnvvars = "jobs:envvars", Needs::Services(&[Role::Envvars]) => Peer;
    /// Reading events about runs.
    ReadRunEvents = "jobs:runs", Needs::Services(&[Role::Notify]) => Peer;
}
