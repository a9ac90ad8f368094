//! Job quota and usage of a tool.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Quotas of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobsQuota)]
pub struct JobsQuota {
    /// The quotas.
    pub quota: JobQuotas,
}

/// Quotas as tables. Within one table, all items have a usage, or none has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Quotas)]
pub struct JobQuotas {
    /// Tables of quotas.
    pub categories: Vec<QuotaCategory>,
}

/// Table of quotas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::QuotaCategory)]
pub struct QuotaCategory {
    /// Heading of the table.
    pub name: String,
    /// Rows of the table.
    pub items: Vec<QuotaItem>,
}

/// One quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::QuotaItem)]
pub struct QuotaItem {
    /// Name of the quota.
    pub name: String,
    /// Limit.
    pub limit: String,
    /// Current usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<String>,
}
