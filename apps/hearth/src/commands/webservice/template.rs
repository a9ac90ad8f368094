//! The files `service.template` and `service.manifest` in the formats of Toolforge's `webservice`.

use std::{collections::BTreeMap, path::Path};

use hearth_base::{Error, Result};
use serde_json::Value;

use super::WebserviceOptions;
use crate::{context::CommandContext, io_error::describe_io_error};

/// The manifest file in the format of Toolforge's `webservice`.
pub const MANIFEST_FILE_NAME: &str = "service.manifest";

/// The keys of a template.
const TEMPLATE_KEYS: [&str; 10] = [
    "type",
    "mem",
    "cpu",
    "disk",
    "replicas",
    "health-check-path",
    "mount",
    "buildservice-image",
    "extra_args",
    "backend",
];

/// Reads a template, if it exists; warns about keys that it should not have.
pub fn read_template(cx: &CommandContext, template: &Path) -> Result<WebserviceOptions> {
    let refused = |why: &str| {
        Error::invalid("service-template", format!("{} cannot be used: {why}", template.display()))
    };
    match std::fs::read_to_string(template) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(WebserviceOptions::default()),
        Err(cause) => Err(refused(&describe_io_error(&cause))),
        Ok(text) => {
            if let Some(unknown) = list_unknown_keys(&text) {
                let file = template.display();
                cx.printer
                    .print_warning(&format!("{file} contains unknown keys, which are ignored: {unknown}"));
            }
            serde_saphyr::from_str(&text).map_err(|cause| {
                let cause = cause.to_string();
                refused(cause.lines().next().unwrap_or_default().trim_start_matches("error: "))
            })
        }
    }
}

/// Lists the unknown keys of a template, if it has any.
fn list_unknown_keys(text: &str) -> Option<String> {
    let keys: BTreeMap<String, Value> = serde_saphyr::from_str(text).ok()?;
    let unknown: Vec<String> =
        keys.into_keys().filter(|key| !TEMPLATE_KEYS.contains(&key.as_str())).collect();
    (!unknown.is_empty()).then(|| unknown.join(", "))
}

/// Writes the manifest.
pub fn write_manifest(options: &WebserviceOptions) -> Result<()> {
    let text = serde_saphyr::to_string(options).map_err(Error::internal)?;
    std::fs::write(MANIFEST_FILE_NAME, text).map_err(|cause| {
        Error::invalid(
            "service-manifest",
            format!("{MANIFEST_FILE_NAME} cannot be written: {}", describe_io_error(&cause)),
        )
    })
}
