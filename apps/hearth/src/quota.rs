//! The table of quotas, with usage and limit.

use crate::printer::{Cell, Table};

/// One quota.
#[derive(Debug, Clone, Copy)]
pub struct QuotaRow<'a> {
    /// The category, as in "Running jobs".
    pub category: &'a str,
    /// The name of the limited resource.
    pub name: &'a str,
    /// The used amount, where it is counted.
    pub used: Option<&'a str>,
    /// The limit.
    pub limit: &'a str,
}

impl<'a> QuotaRow<'a> {
    /// Builds the table of all rows.
    pub fn build_table(rows: impl IntoIterator<Item = Self>) -> Table {
        let mut table = Table::with_headings(&["quota", "of", "used", "limit"]);
        for QuotaRow { category, name, used, limit } in rows {
            let used = used.filter(|used| !used.is_empty()).unwrap_or("-");
            table.add_row([category, name, used, limit].map(Cell::from));
        }
        table
    }
}
