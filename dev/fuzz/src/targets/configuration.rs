//! The server's configuration: a file, and environment variables laid over it.

use hearth_kit::config::{Section, parse};

use super::{records, text};

/// First record: the file. Further ones: `NAME=VALUE`.
pub fn configuration(input: &[u8]) {
    let services = [
        hearth_builds::BUILDS_SERVICE,
        hearth_edge::EDGE_SERVICE,
        hearth_images::IMAGES_SERVICE,
        hearth_jobs::JOBS_SERVICE,
    ];
    let sections: Vec<Section> = services.into_iter().filter_map(|service| service.settings).collect();
    let mut records = records(input);
    let file = text(records.next());
    let environment = records.take(8).filter_map(|record| {
        let pair = text(Some(record));
        pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    if let Err(error) = parse(&file, "hearth.toml", environment, &sections) {
        assert!(!error.public().is_empty(), "a refusal says nothing");
    }
}
