//! Golden files prove that stored documents stay readable: one file per form and version, never changed after a
//! release.

use hearth_base::{Error, Result};
use hearth_wire::{builds::events::BuildEvent, events::Topic};
use serde_json::Value;

use super::SourceCredentialUse;

#[test]
fn uses_of_source_credentials_of_every_release_are_readable() -> Result<()> {
    let document: Value =
        serde_json::from_str(include_str!("golden/source-credential-use-1.json")).map_err(Error::internal)?;
    let last_use: SourceCredentialUse = serde_json::from_value(document.clone()).map_err(Error::internal)?;
    assert_eq!(last_use.refusal.map(|refusal| refusal.status), Some(401));
    assert_eq!(serde_json::to_value(last_use).map_err(Error::internal)?, document);
    Ok(())
}

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
