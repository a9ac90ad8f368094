//! What is made: a few images, each the base and some packages.

/// How one image is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Its name, behind `hearth/`.
    pub name: &'static str,
    /// The packages on top of the base.
    pub packages: &'static [&'static str],
    /// What those bring and an image does not need.
    pub without: &'static [&'static str],
}

/// The release of Debian that images are made of.
pub const RELEASE: &str = "bookworm";

/// The packages of the base, beside Debian's smallest set.
pub const BASE: &[&str] = &["ca-certificates", "curl", "netbase", "procps"];

/// What nobody looks at in an image: documents other than licences, translations, package lists.
pub const WITHOUT: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
];

/// All of them.
pub const RECIPES: &[Recipe] = &[
    Recipe { name: "bookworm", packages: &[], without: &[] },
    Recipe { name: "python3.11", packages: &["python3", "python3-venv", "python3-pip"], without: &[] },
    // Debian's npm comes with what some of its parts were built and tested with.
    Recipe {
        name: "node18",
        packages: &["nodejs", "npm"],
        without: &[
            "/usr/include/*",
            "/usr/share/nodejs/@types/*",
            "/usr/share/nodejs/@webassemblyjs/*",
            "/usr/share/nodejs/caniuse-lite/*",
            "/usr/share/nodejs/core-js/*",
            "/usr/share/nodejs/core-js-pure/*",
            "/usr/share/nodejs/es-abstract/*",
            "/usr/share/nodejs/lodash-es/*",
            "/usr/share/nodejs/regenerate-unicode-properties/*",
            "/usr/share/nodejs/web-streams-polyfill/*",
        ],
    },
    // What builds run in: it works inside a sandbox, without a file system of its own in user space.
    Recipe { name: "builder", packages: &["buildah", "git", "tar"], without: &[] },
];

/// Their names.
pub const NAMES: &[&str] = &["bookworm", "python3.11", "node18", "builder"];

impl Recipe {
    /// The recipe for an image of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_recipe() {
        assert_eq!(RECIPES.iter().map(|recipe| recipe.name).collect::<Vec<_>>(), NAMES);
    }
}
