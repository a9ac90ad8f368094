//! Build quota of a tool.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Build quota and usage of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuotaOne)]
pub struct BuildQuotaOne {
    /// The quota, by category.
    pub quota: BuildQuota,
}

/// Build limits, by category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuota)]
pub struct BuildQuota {
    /// The categories.
    pub categories: Vec<BuildQuotaCategory>,
}

/// Category of limits. All its items have the same keys, because clients show a category as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuotaCategory)]
pub struct BuildQuotaCategory {
    /// Name of the category.
    pub name: String,
    /// Limits of the category.
    pub items: Vec<BuildQuotaItem>,
}

/// One limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuotaItem)]
#[serde(default)]
pub struct BuildQuotaItem {
    /// Name of the limit.
    pub name: String,
    /// Limit.
    pub limit: String,
    /// Current usage.
    pub used: String,
    /// Remainder of the limit.
    pub available: String,
    /// Usage in percent of the limit.
    pub capacity: String,
}
