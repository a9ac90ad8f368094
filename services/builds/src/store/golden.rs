//! Golden files prove that stored documents stay readable: one file per form and version, never changed after a
//! release.

use hearth_base::{Error, Result};
use hearth_wire::{builds::events::BuildEvent, events::Topic};
use serde_json::Value;

#[test]
fn events_of_every_release_are_readable() -> Result<()> {
    for (event_type, document) in [
        ("build.succeeded", include_str!("golden/event-succeeded-1.json")),
        ("build.failed", include_str!("golden/event-failed-1.json")),
        ("build.cancelled", include_str!("golden/event-cancelled-1.json")),
    ] {
        let document: Value = serde_json::from_str(document).map_err(Error::internal)?;
        let event = BuildEvent::decode(event_type, &document)?;
        assert_eq!(event.as_ref().map(Topic::event_type), Some(event_type));
        assert_eq!(event.map(|event| event.to_data()).transpose()?, Some(document));
    }
    Ok(())
}
