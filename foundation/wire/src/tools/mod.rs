//! Tools, their members, tokens and quotas: `/tools/v1`.

mod members;
mod quota;
mod tool;

pub use members::{Member, MemberPut};
pub use quota::{Quota, QuotaPatch};
pub use tool::{Tool, ToolCreate, ToolQuery, ToolState};
