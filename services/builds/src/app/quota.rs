//! How much a tool may build, and does.

use hearth_base::{Result, Role, ToolId};
use hearth_wire::builds::{BuildQuota, BuildQuotaCategory, BuildQuotaItem};

use crate::cx::Cx;

/// The limits of a tool.
pub async fn quota(cx: &Cx, tool: ToolId) -> Result<BuildQuota> {
    let facts = cx.clients.of(Role::Accounts)?.internal().tool_facts(tool).await?;
    let limit = u64::from(facts.quota.running_builds);
    let used = cx.store.build_count_open_now(tool).await?;
    let item = item("Running builds", limit, used);
    Ok(BuildQuota { categories: vec![BuildQuotaCategory { name: "Builds".to_owned(), items: vec![item] }] })
}

fn item(name: &str, limit: u64, used: u64) -> BuildQuotaItem {
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
    fn a_share_is_never_more_than_all() {
        assert_eq!(item("x", 4, 1).capacity, "25%");
        assert_eq!((item("x", 2, 3).capacity.as_str(), item("x", 2, 3).available.as_str()), ("100%", "0"));
        assert_eq!(item("x", 0, 0).capacity, "100%");
    }
}
