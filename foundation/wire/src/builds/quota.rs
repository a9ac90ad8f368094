//! How much a tool may build.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much a tool may build, and does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuotaOne)]
pub struct BuildQuotaOne {
    /// By category.
    pub quota: BuildQuota,
}

/// Limits, by category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuota)]
pub struct BuildQuota {
    /// The categories.
    pub categories: Vec<BuildQuotaCategory>,
}

/// Limits of one sort. Within a category either every item has the same keys, or clients cannot show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuotaCategory)]
pub struct BuildQuotaCategory {
    /// What they limit.
    pub name: String,
    /// The limits.
    pub items: Vec<BuildQuotaItem>,
}

/// One limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQuotaItem)]
#[serde(default)]
pub struct BuildQuotaItem {
    /// What it limits.
    pub name: String,
    /// How much there may be.
    pub limit: String,
    /// How much there is.
    pub used: String,
    /// How much is left.
    pub available: String,
    /// How much of it is used, in per cent.
    pub capacity: String,
}
