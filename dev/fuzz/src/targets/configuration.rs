//! Server configuration: a file, and environment variables that override it.

use hearth_kit::config::{Section, parse};

use super::{decode_text, split_records};

/// Input: the file as the first record, and `NAME=VALUE` as each further record.
pub fn run_target(input: &[u8]) {
    let services = [
        hearth_builds::BUILDS_SERVICE,
        hearth_edge::EDGE_SERVICE,
        hearth_images::IMAGES_SERVICE,
        hearth_jobs::JOBS_SERVICE,
    ];
    let sections: Vec<Section> = services.into_iter().filter_map(|service| service.settings).collect();
    let mut records = split_records(input);
    let file = decode_text(records.next());
    let environment = records.take(8).filter_map(|record| {
        let pair = decode_text(Some(record));
        pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    if let Err(error) = parse(&file, "hearth.toml", environment, &sections) {
        assert!(!error.public_message().is_empty(), "an error has no message");
    }
}
