//! PHP: `composer.json`, `index.php`.

use hearth_base::{Error, Result};
use serde_json::Value;

use super::DetectionContext;
use crate::{
    packages::PackageName,
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};

/// Images with PHP and its web server. The first is the default.
const PHP_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 802, version: "8.2", image: "php8.2" },
    VersionedImage { number: 804, version: "8.4", image: "php8.4" },
];

/// Places of the first page, with the commands that serve their folders. `php-server` is part of the images with PHP.
const FRONT_PAGES: [(&str, &str); 3] = [
    ("public/index.php", "exec php-server public"),
    ("public_html/index.php", "exec php-server public_html"),
    ("index.php", "exec php-server ."),
];

/// Settings of composer: the operator's, which are mounted into builds, and no cache in a layer.
macro_rules! composer_command {
    ($options:literal) => {
        concat!(
            "COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_HOME=/etc/composer COMPOSER_CACHE_DIR=/dev/null composer install \
             --no-dev --no-interaction --no-progress",
            $options
        )
    };
}

/// Downloads the packages before the source is copied, so that a change of the source downloads nothing again.
const DOWNLOAD_COMMAND: &str = composer_command!(" --no-scripts --no-autoloader");
const INSTALL_COMMAND: &str = composer_command!(" --optimize-autoloader");

/// Packages of Debian that an installation needs. They stay in the stage.
const COMPOSER_PACKAGES: [&str; 3] = ["composer", "unzip", "git"];

/// Detects PHP by `composer.json` or a page in PHP; `None` without them. Error `composer-json` (invalid).
pub fn detect_php(source: &dyn SourceTree, _: DetectionContext<'_>) -> Result<Option<DetectedSource>> {
    let composer = source.read("composer.json")?;
    let mut page = None;
    for (path, command) in FRONT_PAGES {
        if page.is_none() && source.has_file(path)? {
            page = Some((path, command));
        }
    }
    let mut reasons = Vec::new();
    let mut stage_steps = Vec::new();
    let mut request = None;
    match (&composer, page) {
        (Some(text), _) => {
            let file: Value = serde_json::from_str(text).map_err(|cause| {
                let message = format!("composer.json looks like PHP, and cannot be read: {cause}");
                Error::invalid("composer-json", message)
                    .help("composer reads the same file: try composer validate on your machine")
            })?;
            let version = file.get("require").and_then(|packages| packages.get("php")?.as_str());
            request = version.and_then(|text| VersionRequest::new("composer.json", text));
            reasons.push(
                "composer.json: PHP; composer installs its packages in a stage of their own.".to_owned(),
            );
            stage_steps = plan_packages(source, &file, &mut reasons)?;
        }
        (None, Some((path, _))) => {
            reasons.push(format!("{path}: PHP; the pages are served from their folder."));
        }
        (None, None) => return Ok(None),
    }
    let image = choose_image(PHP_IMAGES, VersionNotation::Php, "PHP", request.as_ref(), &mut reasons);
    let start = match page {
        Some((path, command)) => {
            StartCommand::Guessed { command: command.to_owned(), reason: path.to_owned() }
        }
        None => {
            let pages = source.find_in_folders("index.php")?;
            let folder = pages.first().and_then(|path| SourcePath::parse(path.strip_suffix("/index.php")?));
            let folder = folder.as_ref().map_or("FOLDER", SourcePath::as_str);
            StartCommand::Unknown(Some(format!("web: php-server {folder}")))
        }
    };
    let recipe = match stage_steps.is_empty() {
        true => {
            BuildRecipe::Steps { base: image.image, steps: vec![RecipeStep::CopyAll], stages: Vec::new() }
        }
        false => BuildRecipe::Steps {
            base: image.image,
            steps: vec![RecipeStep::CopyBuilt(StageName::Build, None)],
            stages: vec![BuildStage { name: StageName::Build, base: image.image, steps: stage_steps }],
        },
    };
    Ok(Some(DetectedSource { kind: SourceKind::Php, recipe, reasons, start }))
}

/// Plans the steps up to the installed packages, with all files of the source.
fn plan_packages(
    source: &dyn SourceTree,
    composer: &Value,
    reasons: &mut Vec<String>,
) -> Result<Vec<RecipeStep>> {
    let mut files = vec!["composer.json"];
    if source.has_file("composer.lock")? {
        reasons.push("composer.lock: its exact versions are installed.".to_owned());
        files.push("composer.lock");
    } else {
        reasons.push(
            "Without composer.lock builds may install different versions: run composer update, and commit it."
                .to_owned(),
        );
    }
    let mut steps = vec![RecipeStep::Install(COMPOSER_PACKAGES.map(PackageName::from_known).to_vec())];
    if !refers_to_files(composer) {
        steps.extend([RecipeStep::Copy(None, files), RecipeStep::Run(DOWNLOAD_COMMAND)]);
    }
    steps.extend([RecipeStep::CopyAll, RecipeStep::Run(INSTALL_COMMAND)]);
    Ok(steps)
}

/// True when composer needs other files of the source to find the packages: repositories of the types `path` and
/// `artifact`, by address.
fn refers_to_files(composer: &Value) -> bool {
    let repositories = match composer.get("repositories") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(named)) => named.values().collect(),
        _ => Vec::new(),
    };
    let text = |repository: &Value, name: &str| repository.get(name)?.as_str().map(str::to_owned);
    repositories.into_iter().any(|repository| {
        let is_local = text(repository, "url").is_some_and(|url| !url.contains("://") && !url.contains('@'));
        matches!(text(repository, "type").as_deref(), Some("path" | "artifact")) || is_local
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_in_the_source_are_known() {
        for (repositories, expected) in [
            (r#"[{"type": "path", "url": "packages/*"}]"#, true),
            (r#"{"own": {"type": "vcs", "url": "./library"}}"#, true),
            (
                r#"[{"type": "vcs", "url": "https://code.example/pond.git"}, {"packages.example": false}]"#,
                false,
            ),
            (r#"[{"type": "vcs", "url": "git@code.example:ann/pond.git"}]"#, false),
            ("{}", false),
        ] {
            let text = format!("{{\"repositories\": {repositories}}}");
            assert_eq!(refers_to_files(&serde_json::from_str(&text).unwrap()), expected, "{repositories}");
        }
    }
}
