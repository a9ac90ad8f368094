//! Recipes of the initial images: packages on top of a base system.

use std::{cmp::Reverse, collections::BTreeMap};

use hearth_base::{Error, Result};
use hearth_images::ProvidedImage;
use hearth_plan::PackageName;

/// The recipe of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecipe {
    /// Name of the image, after `hearth/`.
    pub name: String,
    /// Debian release of its packages.
    pub release: String,
    /// Packages on top of the base system, or of its core.
    pub packages: Vec<String>,
    /// True for an image with only what its packages need to run.
    pub is_slim: bool,
}

/// A file of an image that no package contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFile {
    /// Path, relative to the root.
    pub path: &'static str,
    /// Content.
    pub content: &'static str,
    /// Mode.
    pub mode: u32,
}

/// The Debian release of an image whose settings name none.
pub const DEFAULT_RELEASE: &str = "bookworm";

/// Debian releases with archives of updates and security fixes. Images of other releases have the packages of the main
/// archive only.
pub const MAINTAINED_RELEASES: &[&str] = &["bookworm", "trixie"];

/// Packages of the base system, in addition to Debian's minimal set.
pub const BASE_PACKAGES: &[&str] = &["ca-certificates", "curl", "netbase", "procps"];

/// Packages of the core: what any program may need to run. Others of Debian's minimal set are for its installation.
pub const CORE_PACKAGES: &[&str] = &[
    "base-files",
    "base-passwd",
    "bash",
    "ca-certificates",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "mawk",
    "ncurses-base",
    "netbase",
    "sed",
    "tar",
    "tzdata",
];

/// Paths that no image needs: documentation except licences, translations, package checks.
pub const EXCLUDED_PATHS: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
];

/// Paths of the package `npm` that no image needs: build and test dependencies of some of its modules.
const EXCLUDED_NPM_PATHS: &[&str] = &[
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
];

/// Paths of the compilers that no build needs: checkers of memory, tests and programs of their own developers.
const EXCLUDED_COMPILER_PATHS: &[&str] = &[
    "/usr/bin/*lto-dump*",
    "/usr/lib/gcc/*/lib?san*",
    "/usr/lib/go-*/pkg/tool/*/pprof",
    "/usr/lib/go-*/pkg/tool/*/trace",
    "/usr/lib/x86_64-linux-gnu/lib?san.*",
    "/usr/share/go-*/api/*",
    "/usr/share/go-*/src/*/testdata/*",
    "/usr/share/go-*/src/*_test.go",
    "/usr/share/go-*/src/cmd/*",
    "/usr/share/go-*/test/*",
];

/// Name of the image that builds run in.
const BUILDER_NAME: &str = "builder";
/// Its packages. It works in a sandbox, without FUSE.
const BUILDER_PACKAGES: &[&str] = &["buildah", "git", "git-lfs", "tar"];
/// Its release: before buildah 1.35, mounts of build steps could follow links out of their source.
const BUILDER_RELEASE: &str = "trixie";

/// The web server of images with PHP: its start program and configuration.
const PHP_SERVER_FILES: &[ImageFile] = &[
    ImageFile { path: "usr/local/bin/php-server", content: include_str!("php-server.sh"), mode: 0o755 },
    ImageFile { path: "etc/lighttpd/hearth.conf", content: include_str!("php-server.conf"), mode: 0o644 },
];

/// Lists the recipes: those of the provided images that are made from packages, and of the image that builds run in.
/// Recipes of the default release come first. Error `image-recipe` (invalid).
pub fn list_recipes(provided: &BTreeMap<String, ProvidedImage>) -> Result<Vec<ImageRecipe>> {
    let mut recipes = Vec::new();
    for (name, image) in provided {
        let Some(packages) = &image.packages else { continue };
        let recipe = ImageRecipe {
            name: image.repository.clone().unwrap_or_else(|| name.clone()),
            release: image.release.clone().unwrap_or_else(|| DEFAULT_RELEASE.to_owned()),
            packages: packages.clone(),
            is_slim: image.slim,
        };
        recipe.check_names()?;
        if !recipes.iter().any(|other: &ImageRecipe| other.name == recipe.name) {
            recipes.push(recipe);
        }
    }
    recipes.push(ImageRecipe {
        name: BUILDER_NAME.to_owned(),
        release: BUILDER_RELEASE.to_owned(),
        packages: BUILDER_PACKAGES.iter().map(|name| (*name).to_owned()).collect(),
        is_slim: false,
    });
    recipes.sort_by_key(|recipe| (recipe.release != DEFAULT_RELEASE, Reverse(recipe.release.clone())));
    Ok(recipes)
}

impl ImageRecipe {
    /// Paths of the packages that the image does not need.
    pub fn excluded_paths(&self) -> &'static [&'static str] {
        match () {
            () if self.has_package("npm") => EXCLUDED_NPM_PATHS,
            () if self.has_package("gcc") => EXCLUDED_COMPILER_PATHS,
            () => &[],
        }
    }

    /// Files of the image that no package contains.
    pub fn list_files(&self) -> &'static [ImageFile] {
        if self.has_package("lighttpd") { PHP_SERVER_FILES } else { &[] }
    }

    fn has_package(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package == name)
    }

    /// Checks the names that become arguments of programs.
    fn check_names(&self) -> Result<()> {
        // Names of releases have the form of package names.
        let mut names = self.packages.iter().chain([&self.release]);
        let invalid = names.find(|name| PackageName::parse(name).is_none());
        match invalid {
            None => Ok(()),
            Some(name) => Err(Error::invalid(
                "image-recipe",
                format!("images.provided.{}: invalid name of a package or release: {name:.60?}", self.name),
            )
            .help("use names of Debian, as in release = \"trixie\" and packages = [\"python3\"]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_images::ImagesSettings;

    #[test]
    fn every_default_image_has_its_recipe() -> Result<()> {
        let recipes = list_recipes(&ImagesSettings::default().provided)?;
        let names: Vec<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
        for name in [
            "bookworm",
            "python3.11",
            "node18",
            "node18-slim",
            "php8.2",
            "python3.13",
            "python3.14",
            "node24",
            "builder",
            "static",
            "python3.11-slim",
            "python3.13-slim",
            "python3.14-slim",
        ] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        let last_default = recipes.iter().rposition(|recipe| recipe.release == DEFAULT_RELEASE);
        let first_other = recipes.iter().position(|recipe| recipe.release != DEFAULT_RELEASE);
        assert!(last_default < first_other);
        Ok(())
    }

    #[test]
    fn names_in_settings_are_checked() {
        let provided = |release: &str, package: &str| {
            let text = format!("{{\"release\": {release:?}, \"packages\": [{package:?}]}}");
            BTreeMap::from([("x".to_owned(), serde_json::from_str::<ProvidedImage>(&text).unwrap())])
        };
        assert_eq!(list_recipes(&provided("trixie", "g++")).map(|recipes| recipes.len()).ok(), Some(2));
        for (release, package) in
            [("-x", "a"), ("a b", "a"), ("trixie", "--yes"), ("trixie", "a;b"), ("", "a")]
        {
            assert_eq!(list_recipes(&provided(release, package)).unwrap_err().code(), "image-recipe");
        }
    }
}
