//! Build quota of a tool and its use.

use hearth_base::{Result, Role, ToolId};
use hearth_wire::builds::{BuildQuota, BuildQuotaCategory, BuildQuotaItem};

use crate::context::BuildsContext;

/// Finds the limits and the use of a tool.
pub async fn find_quota(cx: &BuildsContext, tool: ToolId) -> Result<BuildQuota> {
    let facts = cx.clients.create_client(Role::Accounts)?.accounts_internal().show_tool_facts(tool).await?;
    let limit = u64::from(facts.quota.running_builds);
    let used = cx.store.read_open_build_count(tool).await?;
    let item = render_quota_item("Running builds", limit, used);
    Ok(BuildQuota { categories: vec![BuildQuotaCategory { name: "Builds".to_owned(), items: vec![item] }] })
}

fn render_quota_item(name: &str, limit: u64, used: u64) -> BuildQuotaItem {
    BuildQuotaItem {
        name: name.to_owned(),
        limit: limit.to_string(),
        used: used.to_string(),
        available: limit.saturating_sub(used).to_string(),
        capacity: format!("{}%", (used * 100).checked_div(limit).unwrap_or(100).min(100)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_never_exceeds_100_percent() {
        assert_eq!(render_quota_item("x", 4, 1).capacity, "25%");
        assert_eq!(
            (render_quota_item("x", 2, 3).capacity.as_str(), render_quota_item("x", 2, 3).available.as_str()),
            ("100%", "0")
        );
        assert_eq!(render_quota_item("x", 0, 0).capacity, "100%");
    }
}
