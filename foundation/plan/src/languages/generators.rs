//! Sites that a generator of Debian builds: Hugo, Jekyll without a `Gemfile`, MkDocs without a list of packages.

use hearth_base::Result;

use super::{DetectionContext, static_files};
use crate::{
    packages::PackageName,
    plan::DetectedSource,
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
};

/// Image in which the generators of Debian are installed.
const GENERATOR_BASE_IMAGE: &str = "bookworm";

/// Settings of MkDocs.
pub const MKDOCS_SETTINGS: &str = "mkdocs.yml";

/// Command that builds a site of MkDocs into [`MKDOCS_FOLDER`].
pub const MKDOCS_COMMAND: &str = "mkdocs build --site-dir site";

/// Folder of a built site of MkDocs.
pub const MKDOCS_FOLDER: &str = "site";

/// A generator of sites.
struct DebianGenerator {
    name: &'static str,
    packages: &'static [&'static str],
    /// Builds the site for the root of its host name.
    command: &'static str,
    folder: &'static str,
}

const HUGO_GENERATOR: DebianGenerator = DebianGenerator {
    name: "Hugo",
    packages: &["hugo", "git"],
    command: "hugo --minify --baseURL / --destination public",
    folder: "public",
};

const JEKYLL_GENERATOR: DebianGenerator = DebianGenerator {
    name: "Jekyll",
    packages: &[
        "jekyll",
        "jekyll-theme-minima",
        "ruby-jekyll-include-cache",
        "ruby-jekyll-paginate",
        "ruby-jekyll-redirect-from",
        "ruby-jekyll-sitemap",
    ],
    command: "LANG=C.UTF-8 jekyll build --baseurl '' --destination _site",
    folder: "_site",
};

const MKDOCS_GENERATOR: DebianGenerator = DebianGenerator {
    name: "MkDocs",
    packages: &["mkdocs", "mkdocs-material"],
    command: MKDOCS_COMMAND,
    folder: MKDOCS_FOLDER,
};

/// Files of settings that only one generator has.
const GENERATOR_SETTINGS: [(&str, DebianGenerator); 4] = [
    ("hugo.toml", HUGO_GENERATOR),
    ("hugo.yaml", HUGO_GENERATOR),
    ("hugo.json", HUGO_GENERATOR),
    (MKDOCS_SETTINGS, MKDOCS_GENERATOR),
];

/// Older names of Hugo's settings, which other programs use too.
const OLDER_HUGO_SETTINGS: [&str; 2] = ["config.toml", "config.yaml"];

/// Settings of Jekyll.
const JEKYLL_SETTINGS: &str = "_config.yml";

/// Detects the site of a generator by its settings; `None` without them, and when processes are declared.
pub fn detect_generator(
    source: &dyn SourceTree,
    context: DetectionContext<'_>,
) -> Result<Option<DetectedSource>> {
    let Some((file, generator)) = find_generator(source)?.filter(|_| !context.has_processes()) else {
        return Ok(None);
    };
    let DebianGenerator { name, packages, command, folder } = generator;
    let reasons = vec![format!(
        "{file}: {name} of Debian builds a site into {folder}/, which is served as static files."
    )];
    let packages = packages.iter().copied().map(PackageName::from_known).collect();
    let steps = vec![RecipeStep::Install(packages), RecipeStep::CopyAll, RecipeStep::Run(command)];
    let stage = BuildStage { name: StageName::Build, base: GENERATOR_BASE_IMAGE, steps };
    let folder = SourcePath::from_known(folder);
    Ok(Some(static_files::plan_built_site(Vec::new(), stage, folder, reasons)))
}

/// True when the source has the settings of a generator.
pub fn has_generator(source: &dyn SourceTree) -> Result<bool> {
    Ok(find_generator(source)?.is_some())
}

fn find_generator(source: &dyn SourceTree) -> Result<Option<(&'static str, DebianGenerator)>> {
    for (file, generator) in GENERATOR_SETTINGS {
        if source.has_file(file)? {
            return Ok(Some((file, generator)));
        }
    }
    for file in OLDER_HUGO_SETTINGS {
        let text = source.read(file)?.unwrap_or_default().to_lowercase();
        // Zola, for example, has `base_url`.
        if text.contains("baseurl") && source.list_folders()?.iter().any(|folder| folder == "content") {
            return Ok(Some((file, HUGO_GENERATOR)));
        }
    }
    // With a Gemfile, the site needs its own version of Jekyll, and plug-ins.
    let is_jekyll = source.has_file(JEKYLL_SETTINGS)? && !source.has_file("Gemfile")?;
    Ok(is_jekyll.then_some((JEKYLL_SETTINGS, JEKYLL_GENERATOR)))
}
