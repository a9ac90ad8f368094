//! Handlers, a file per resource: extract, call a rule, reply.

pub mod exec;
pub mod images;
pub mod internal;
pub mod job;
pub mod jobs;
pub mod logs;
pub mod metrics;
pub mod quotas;
pub mod runs;
pub mod schedule;

use hearth_kit::guard::Member;

use crate::app::definition::Of;

/// Whose jobs a caller may look at or change.
fn of(member: &Member) -> Of<'_> {
    Of { tool: member.id, name: &member.name }
}
