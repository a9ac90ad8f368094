//! Handlers, one file per resource: extract, call a rule, reply.

pub mod exec;
pub mod images;
pub mod internal;
pub mod job;
pub mod jobs;
pub mod logs;
pub mod metrics;
pub mod page_sleep;
pub mod quotas;
pub mod runs;
pub mod schedule;

use hearth_kit::guard::MemberCaller;

use crate::app::definition::ToolScope;

/// Converts an authorized member to the scope of the rules.
fn to_scope(member: &MemberCaller) -> ToolScope<'_> {
    ToolScope { tool: member.id, name: &member.name }
}
