//! Quotas as every group of commands shows them: what is used, and the limit.

use crate::printer::{Cell, Table};

/// One quota.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// What sort it is.
    pub category: &'a str,
    /// What it is of.
    pub name: &'a str,
    /// How much of it is used, where that is counted.
    pub used: Option<&'a str>,
    /// The most.
    pub limit: &'a str,
}

impl<'a> Row<'a> {
    /// All of them, a row each.
    pub fn table(rows: impl IntoIterator<Item = Self>) -> Table {
        let mut table = Table::of(&["quota", "of", "used", "limit"]);
        for Row { category, name, used, limit } in rows {
            let used = used.filter(|used| !used.is_empty()).unwrap_or("-");
            table.row([category, name, used, limit].map(Cell::from));
        }
        table
    }
}
