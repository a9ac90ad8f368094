//! Images that are not made here but copied from where an operator says.

use std::{path::Path, process::Command};

use hearth_base::Result;
use hearth_images::ImageSource;

use super::run::output;

/// Copies an image for this machine's platform into a folder as an OCI image layout. skopeo does it, with whatever
/// the machine has set up for registries: sign-ins, mirrors, certificates, policies of trust.
pub fn copy(source: &ImageSource, folder: &Path) -> Result<()> {
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["copy", "--quiet", "--retry-times", "3", "--"]);
    skopeo.arg(format!("docker://{source}"));
    // A path has no colon here: what follows one is the name within the layout.
    skopeo.arg("oci:.:latest").current_dir(folder);
    output(&mut skopeo).map(|_| ())
}
