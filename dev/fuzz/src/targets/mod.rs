//! Fuzz targets, one file each.

pub mod build_section;
pub mod configuration;
pub mod dns;
pub mod dotenv;
pub mod file_paths;
pub mod forge_payloads;
pub mod git_refs;
pub mod http_heads;
pub mod inventory;
pub mod layers;
pub mod log_frames;
pub mod manifests;
pub mod package_sources;
pub mod schedules;
pub mod static_pages;
pub mod tool_config;
pub mod uploads;
pub mod upstream_answers;

/// Splits an input into records, which are separated by the byte 0x1e (record separator).
fn split_records(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == 0x1e)
}

/// Converts a record to text; invalid UTF-8 is replaced.
fn decode_text(record: Option<&[u8]>) -> String {
    String::from_utf8_lossy(record.unwrap_or_default()).into_owned()
}
