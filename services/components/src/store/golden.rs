//! Golden files prove that stored documents stay readable: one file per form and version, never changed after a
//! release.

use std::fmt::Debug;

use hearth_base::{Error, Result};
use hearth_wire::{
    components::{Revision, events::DeploymentEvent},
    events::Topic,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    DeploymentContent, LinkContent, PreviewContent, config::ConfigContent, content_form::StoredContent,
};

/// Checks that a document deserializes, and that the parsed value is stored as the same document.
fn check_golden_file<T: Serialize + DeserializeOwned + Debug>(document: &str) -> Result<()> {
    let parsed: T = serde_json::from_str(document).map_err(Error::internal)?;
    let document: Value = serde_json::from_str(document).map_err(Error::internal)?;
    assert_eq!(serde_json::to_value(&parsed).map_err(Error::internal)?, document, "{parsed:?}");
    Ok(())
}

#[test]
fn deployments_of_every_release_are_readable() -> Result<()> {
    let documents = [
        include_str!("golden/deployment-1.json"),
        include_str!("golden/deployment-2.json"),
        include_str!("golden/deployment-3.json"),
        include_str!("golden/deployment-4.json"),
        include_str!("golden/deployment-5.json"),
        include_str!("golden/deployment-6.json"),
    ];
    for document in documents {
        check_golden_file::<StoredContent>(document)?;
        // The content that the service works with loses nothing.
        let stored: StoredContent = serde_json::from_str(document).map_err(Error::internal)?;
        let again = StoredContent::from(DeploymentContent::from(stored));
        let document: Value = serde_json::from_str(document).map_err(Error::internal)?;
        assert_eq!(serde_json::to_value(again).map_err(Error::internal)?, document);
    }
    Ok(())
}

#[test]
fn revisions_of_every_release_are_readable() -> Result<()> {
    check_golden_file::<Revision>(include_str!("golden/revision-1.json"))?;
    check_golden_file::<Revision>(include_str!("golden/revision-2.json"))?;
    check_golden_file::<Revision>(include_str!("golden/revision-3.json"))
}

#[test]
fn configurations_of_every_release_are_readable() -> Result<()> {
    check_golden_file::<ConfigContent>(include_str!("golden/config-1.json"))
}

#[test]
fn events_of_every_release_are_readable() -> Result<()> {
    for (event_type, document) in [
        ("deployment.succeeded", include_str!("golden/event-succeeded-1.json")),
        ("deployment.failed", include_str!("golden/event-failed-1.json")),
        ("deployment.failed", include_str!("golden/event-failed-rollback-1.json")),
        ("deployment.cancelled", include_str!("golden/event-cancelled-1.json")),
        ("deployment.rolled_back", include_str!("golden/event-rolled-back-1.json")),
    ] {
        let document: Value = serde_json::from_str(document).map_err(Error::internal)?;
        let event = DeploymentEvent::decode(event_type, &document)?;
        assert_eq!(event.as_ref().map(Topic::event_type), Some(event_type));
        assert_eq!(event.map(|event| event.to_data()).transpose()?, Some(document));
    }
    Ok(())
}

#[test]
fn repository_links_of_every_release_are_readable() -> Result<()> {
    check_golden_file::<LinkContent>(include_str!("golden/repository-link-1.json"))?;
    check_golden_file::<LinkContent>(include_str!("golden/repository-link-2.json"))
}

#[test]
fn previews_of_every_release_are_readable() -> Result<()> {
    check_golden_file::<PreviewContent>(include_str!("golden/preview-1.json"))
}
