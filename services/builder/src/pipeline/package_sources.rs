//! Package sources of a build: archives of Debian packages besides Debian, as the lease names them.
//!
//! Their files are mounted into the steps, and are part of no layer: an image does not install from them later. A recipe
//! names their digest in its instruction, so that the cache has the packages of these sources. A source's own Containerfile
//! does not: its cache is emptied when the sources have changed (`image.sh`).

use hearth_base::Result;
use hearth_plan::{
    BuildPackageSource, BuildPackageSources, BuildPlan, BuildRecipe, PackageSourceFile, PackageSourceKey,
};
use hearth_wire::builds::internal::{BuildLease, LeasePackageSource};

/// File with the digest of the sources, for `image.sh`.
pub const DIGEST_FILE: &str = "package-sources";

/// Reads the package sources of a lease.
pub fn read_sources(lease: &BuildLease) -> Result<BuildPackageSources> {
    let sources = lease.package_sources.iter().map(|source| {
        let LeasePackageSource { name, file, key, overrides_debian } = source;
        Ok(BuildPackageSource {
            name: name.clone(),
            file: PackageSourceFile::parse(file)?,
            key: PackageSourceKey::parse(key)?,
            overrides_debian: *overrides_debian,
        })
    });
    Ok(BuildPackageSources::new(sources.collect::<Result<_>>()?))
}

/// True when steps of the plan may install packages.
pub fn may_install_packages(plan: &BuildPlan) -> bool {
    matches!(plan.recipe, BuildRecipe::Containerfile { .. }) || plan.installs_packages()
}
