//! Lines by which the program in the sandbox reports to the builder. They are data of a stranger's image: the parser
//! keeps only valid packages, and bounds their number.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::{
    Distribution, FileDifference, Inventory, Package, TreeComparison,
    limits::{MAX_DIFFERENCES, MAX_PACKAGES},
};

const PACKAGE_PREFIX: &str = "hearth-package ";
const SUMMARY_PREFIX: &str = "hearth-packages ";
const DIFFERENCE_PREFIX: &str = "hearth-difference ";
const COMPARISON_PREFIX: &str = "hearth-differences ";

/// Last line of an inventory.
#[derive(Debug, Serialize, Deserialize)]
struct InventorySummary {
    count: usize,
    is_complete: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distribution: Option<Distribution>,
}

/// Last line of a comparison.
#[derive(Debug, Serialize, Deserialize)]
struct ComparisonSummary {
    count: u64,
    time_count: u64,
}

/// Writes an inventory as lines.
pub fn render_inventory(inventory: &Inventory, out: &mut impl Write) -> io::Result<()> {
    for package in &inventory.packages {
        writeln!(out, "{PACKAGE_PREFIX}{}", serde_json::to_string(package)?)?;
    }
    let Inventory { packages, is_complete, distribution } = inventory;
    let summary = InventorySummary {
        count: packages.len(),
        is_complete: *is_complete,
        distribution: distribution.clone(),
    };
    writeln!(out, "{SUMMARY_PREFIX}{}", serde_json::to_string(&summary)?)
}

/// Writes a comparison as lines.
pub fn render_comparison(comparison: &TreeComparison, out: &mut impl Write) -> io::Result<()> {
    for difference in &comparison.differences {
        writeln!(out, "{DIFFERENCE_PREFIX}{}", serde_json::to_string(difference)?)?;
    }
    let summary = ComparisonSummary { count: comparison.count, time_count: comparison.time_count };
    writeln!(out, "{COMPARISON_PREFIX}{}", serde_json::to_string(&summary)?)
}

/// Packages of an image, as reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryReport {
    /// The packages.
    pub packages: Vec<Package>,
    /// Distribution of the image, if it has one.
    pub distribution: Option<Distribution>,
    /// True once the report has ended and no limit was reached.
    pub is_complete: bool,
    /// True once the report has ended.
    pub has_ended: bool,
}

impl InventoryReport {
    /// Parses a line of output. Returns true if it belongs to the report.
    pub fn parse_line(&mut self, line: &str) -> bool {
        if let Some(text) = line.strip_prefix(PACKAGE_PREFIX) {
            match serde_json::from_str::<Package>(text) {
                Ok(package)
                    if package.is_valid() && self.packages.len() < MAX_PACKAGES && !self.has_ended =>
                {
                    self.packages.push(package);
                }
                _ => {}
            }
            return true;
        }
        let Some(text) = line.strip_prefix(SUMMARY_PREFIX) else { return false };
        if let Some(summary) = serde_json::from_str::<InventorySummary>(text).ok().filter(|_| !self.has_ended)
        {
            self.has_ended = true;
            // A line that was lost or refused makes the list incomplete.
            self.is_complete = summary.is_complete && summary.count == self.packages.len();
            self.distribution = summary.distribution.filter(Distribution::is_valid);
        }
        true
    }
}

/// Differences of two images, as reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComparisonReport {
    /// The first differences, by path.
    pub differences: Vec<FileDifference>,
    /// Number of files that differ in more than their times.
    pub count: u64,
    /// Number of files that differ only in their times.
    pub time_count: u64,
    /// True once the report has ended.
    pub has_ended: bool,
}

impl ComparisonReport {
    /// Parses a line of output. Returns true if it belongs to the report.
    pub fn parse_line(&mut self, line: &str) -> bool {
        if let Some(text) = line.strip_prefix(DIFFERENCE_PREFIX) {
            if let Ok(difference) = serde_json::from_str::<FileDifference>(text)
                && self.differences.len() < MAX_DIFFERENCES
                && difference.is_valid()
            {
                self.differences.push(difference);
            }
            return true;
        }
        let Some(text) = line.strip_prefix(COMPARISON_PREFIX) else { return false };
        if let Ok(summary) = serde_json::from_str::<ComparisonSummary>(text) {
            self.has_ended = true;
            self.count = summary.count;
            self.time_count = summary.time_count;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PackageKind;

    fn parse_report(text: &str) -> InventoryReport {
        let mut report = InventoryReport::default();
        for line in text.lines() {
            report.parse_line(line);
        }
        report
    }

    #[test]
    fn rendered_inventory_is_parsed_again() {
        let inventory = Inventory {
            packages: vec![Package::new(PackageKind::Gem, "rack", "3.1", "a/b")],
            is_complete: true,
            distribution: Some(Distribution { id: "debian".to_owned(), version: None }),
        };
        let mut text = Vec::new();
        render_inventory(&inventory, &mut text).unwrap();
        let report = parse_report(&String::from_utf8(text).unwrap());
        assert_eq!((report.packages, report.distribution), (inventory.packages, inventory.distribution));
        assert!(report.is_complete && report.has_ended);
    }

    #[test]
    fn lost_and_invalid_lines_make_a_report_incomplete() {
        let end = "hearth-packages {\"count\":1,\"is_complete\":true}";
        assert!(!parse_report(end).is_complete);
        let invalid = format!(
            "hearth-package {{\"kind\":\"npm\",\"name\":\"a b\",\"version\":\"1\",\"location\":\"\"}}\n{end}"
        );
        assert!(parse_report(&invalid).packages.is_empty() && !parse_report(&invalid).is_complete);
        assert!(!parse_report("hearth-package nonsense").has_ended);
        assert!(!InventoryReport::default().parse_line("other output"));
    }
}
