//! Calls of `edge` about pages that sleep while nobody visits them.

use hearth_base::{EnvironmentName, ProcessInstanceId, ToolId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The minimum of `sleep_after`, in seconds: visits are reported every [`PageActivityReport::INTERVAL_SECONDS`].
pub const MIN_SLEEP_SECONDS: u32 = 10;
/// The maximum of `sleep_after`, in seconds: one week.
pub const MAX_SLEEP_SECONDS: u32 = 7 * 24 * 3600;

/// Visits of pages that one process of the edge has seen. Each process reports every [`Self::INTERVAL_SECONDS`], also
/// without visits: a page sleeps only if all of them report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::PageActivityReport)]
pub struct PageActivityReport {
    /// Process of the edge.
    #[schema(value_type = String)]
    pub edge: ProcessInstanceId,
    /// Pages with visits since the last report, at most [`Self::MAX_PAGES`].
    pub pages: Vec<PageActivity>,
    /// True for the last part of a report; earlier parts have [`Self::MAX_PAGES`] pages each.
    pub is_complete: bool,
    /// True if the process stops: it serves no further visits.
    #[serde(default)]
    pub is_last: bool,
}

impl PageActivityReport {
    /// The time between two reports, in seconds.
    pub const INTERVAL_SECONDS: u32 = 10;
    /// The maximum number of pages in one report.
    pub const MAX_PAGES: usize = 1000;
}

/// Last visit of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::PageActivity)]
pub struct PageActivity {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Environment of the page; absent for the page of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub environment: Option<EnvironmentName>,
    /// Time since its last visit, in seconds; 0 while a connection is open.
    pub idle_seconds: u32,
}

/// Page to wake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::PageWake)]
pub struct PageWake {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Environment of the page; absent for the page of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub environment: Option<EnvironmentName>,
}
