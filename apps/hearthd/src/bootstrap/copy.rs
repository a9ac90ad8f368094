//! Copies images from configured sources.

use std::{path::Path, process::Command};

use hearth_base::Result;
use hearth_images::ImageSource;

use super::program::run_program;

/// Copies an image for this machine's platform to a folder as an OCI image layout, with skopeo and the
/// machine's registry configuration: credentials, mirrors, certificates, trust policies.
pub fn copy_image(source: &ImageSource, folder: &Path) -> Result<()> {
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["copy", "--quiet", "--retry-times", "3", "--"]);
    skopeo.arg(format!("docker://{source}"));
    // In `oci:PATH:NAME` the path cannot contain a colon, so it is relative to the working directory.
    skopeo.arg("oci:.:latest").current_dir(folder);
    run_program(&mut skopeo).map(|_| ())
}
