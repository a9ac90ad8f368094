//! How much a tool may run, and how much of it is used.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tool's quotas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobsQuota)]
pub struct JobsQuota {
    /// The quotas.
    pub quota: Quotas,
}

/// Quotas in tables. Within one either every item says what is used, or none does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Quotas)]
pub struct Quotas {
    /// The tables.
    pub categories: Vec<QuotaCategory>,
}

/// A table of quotas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::QuotaCategory)]
pub struct QuotaCategory {
    /// Its heading.
    pub name: String,
    /// Its lines.
    pub items: Vec<QuotaItem>,
}

/// One quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::QuotaItem)]
pub struct QuotaItem {
    /// What it is of.
    pub name: String,
    /// The most.
    pub limit: String,
    /// How much of it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<String>,
}
