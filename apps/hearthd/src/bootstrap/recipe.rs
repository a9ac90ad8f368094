//! Recipes of the initial images: packages on top of the base system.

/// The recipe of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageRecipe {
    /// Name of the image, after `hearth/`.
    pub name: &'static str,
    /// Packages on top of the base system.
    pub packages: &'static [&'static str],
    /// Paths of these packages that the image does not need.
    pub excluded_paths: &'static [&'static str],
}

/// The Debian release of the images.
pub const DEBIAN_RELEASE: &str = "bookworm";

/// Packages of the base system, in addition to Debian's minimal set.
pub const BASE_PACKAGES: &[&str] = &["ca-certificates", "curl", "netbase", "procps"];

/// Paths that no image needs: documentation except licences, translations, package checks.
pub const EXCLUDED_PATHS: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
];

/// All recipes.
pub const IMAGE_RECIPES: &[ImageRecipe] = &[
    ImageRecipe { name: "bookworm", packages: &[], excluded_paths: &[] },
    ImageRecipe {
        name: "python3.11",
        packages: &["python3", "python3-venv", "python3-pip"],
        excluded_paths: &[],
    },
    // Debian's npm contains build and test dependencies of some of its modules.
    ImageRecipe {
        name: "node18",
        packages: &["nodejs", "npm"],
        excluded_paths: &[
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
    // The image that builds run in. It works in a sandbox, without FUSE.
    ImageRecipe { name: "builder", packages: &["buildah", "git", "tar"], excluded_paths: &[] },
];

/// The names of all recipes.
pub const RECIPE_NAMES: &[&str] = &["bookworm", "python3.11", "node18", "builder"];

impl ImageRecipe {
    /// Finds the recipe of an image.
    pub fn find_by_name(name: &str) -> Option<&'static Self> {
        IMAGE_RECIPES.iter().find(|recipe| recipe.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_recipe() {
        assert_eq!(IMAGE_RECIPES.iter().map(|recipe| recipe.name).collect::<Vec<_>>(), RECIPE_NAMES);
    }
}
