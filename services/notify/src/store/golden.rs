//! Golden files prove that stored documents stay readable: one file per form and version, never changed after a
//! release.

use hearth_base::{Error, Result};
use serde_json::Value;

use super::MailChoice;

#[test]
fn mail_choices_of_every_release_are_readable() -> Result<()> {
    let document = include_str!("golden/mail-choice-1.json");
    let parsed: MailChoice = serde_json::from_str(document).map_err(Error::internal)?;
    let document: Value = serde_json::from_str(document).map_err(Error::internal)?;
    assert_eq!(serde_json::to_value(&parsed).map_err(Error::internal)?, document);
    Ok(())
}
