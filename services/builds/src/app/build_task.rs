//! The queue task of building.

use hearth_base::ToolId;
use hearth_kit::queue::TaskName;

/// Task of building for a tool. Builders perform it: there is one item per tool, whose builds run one after
/// the other.
pub const BUILD_TASK: TaskName<ToolId> = TaskName::new("building");
