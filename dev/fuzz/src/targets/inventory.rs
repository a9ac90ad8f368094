//! Files of images that name packages, and the report about them.

use hearth_inventory::{
    ImageIdentity, Inventory, InventoryReport, Package,
    readers::{
        FileReader, choose_reader, find_section, read_audited_crates, read_distribution, read_go_build_info,
    },
    render_bom, render_inventory,
};
use serde_json::Value;

use super::{decode_text, split_records};

/// Largest SBOM of the target, in bytes.
const MAX_BOM_BYTES: usize = 64 << 10;

/// Input: the file's location as the first record, and its content as the rest, which is also read as a program and as a
/// report.
pub fn run_target(input: &[u8]) {
    let location = decode_text(split_records(input).next());
    let content = input.get(location.len() + 1..).unwrap_or_default();
    let packages = match choose_reader(&location) {
        Some(FileReader::Content { read, .. }) => read(content, &location),
        Some(FileReader::Distribution) | None => read_program(content),
    };
    let valid: Vec<Package> = packages.into_iter().filter(Package::is_valid).collect();
    let inventory =
        Inventory { packages: valid.clone(), is_complete: true, distribution: read_distribution(content) };
    let mut text = Vec::new();
    assert!(render_inventory(&inventory, &mut text).is_ok(), "memory accepts all");
    let report = parse_report(&text);
    assert_eq!(report.packages, valid, "a report is parsed as it was rendered");
    check_bom(&report);
    check_bom(&parse_report(content));
}

fn read_program(content: &[u8]) -> Vec<Package> {
    let read = |at: u64, length: u64| {
        let (at, length) = (usize::try_from(at).ok()?, usize::try_from(length).ok()?);
        content.get(at..at.checked_add(length)?).map(<[u8]>::to_vec)
    };
    let section = |name| find_section(&read, name).unwrap_or_else(|| content.to_vec());
    let modules = read_go_build_info(&section(".go.buildinfo"), "program");
    modules.into_iter().chain(read_audited_crates(&section(".dep-v0"), "program")).collect()
}

fn parse_report(text: &[u8]) -> InventoryReport {
    let mut report = InventoryReport::default();
    for line in String::from_utf8_lossy(text).split('\n') {
        report.parse_line(line);
    }
    report
}

fn check_bom(report: &InventoryReport) {
    let image = ImageIdentity { name: "h.example/tool-x/y", digest: "sha256:00", hearth_version: "0" };
    let (text, count) = render_bom(image, report, MAX_BOM_BYTES);
    assert!(text.len() <= MAX_BOM_BYTES, "{} bytes", text.len());
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(document["components"].is_array(), "an SBOM is JSON");
    let components = document["components"].as_array().cloned().unwrap_or_default();
    assert_eq!(components.len(), count);
    for component in &components {
        let purl = component["purl"].as_str().unwrap_or_default();
        assert!(
            purl.starts_with("pkg:") && purl.contains('@') && !purl.contains(char::is_whitespace),
            "{purl:?}"
        );
    }
}
