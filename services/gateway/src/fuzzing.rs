//! Entries for the fuzz targets of `dev/fuzz`: the paths that are asked for.

use hearth_base::Role;

use crate::target;

/// The service that answers a path, and the tool that the path names.
pub fn find_target(path: &str) -> Option<(Role, Option<String>)> {
    target::target(path).map(|found| (found.service, found.tool))
}
