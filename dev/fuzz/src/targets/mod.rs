//! One file for each target.

pub mod configuration;
pub mod dns;
pub mod dotenv;
pub mod git_refs;
pub mod http_heads;
pub mod layers;
pub mod log_frames;
pub mod manifests;
pub mod schedules;
pub mod uploads;

/// The parts of an input that means several things: they are separated by the byte 0x1e, "record separator".
fn records(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == 0x1e)
}

/// A record as text; what is no UTF-8 is replaced.
fn text(record: Option<&[u8]>) -> String {
    String::from_utf8_lossy(record.unwrap_or_default()).into_owned()
}
