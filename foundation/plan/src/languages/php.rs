//! PHP: `composer.json`, `index.php`.

use hearth_base::{Error, Result};
use serde_json::Value;

use super::DetectionContext;
use crate::{
    packages::PackageName,
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::RecipeStep,
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

const COMPOSER_COMMAND: &str = "COMPOSER_ALLOW_SUPERUSER=1 composer install --no-dev --no-interaction --no-progress \
                                --optimize-autoloader";

/// Detects PHP by `composer.json` or a page in PHP; `None` without them. Error `composer-json` (invalid).
pub fn detect_php(source: &dyn SourceTree, _: DetectionContext) -> Result<Option<DetectedSource>> {
    let composer = source.read("composer.json")?;
    let mut page = None;
    for (path, command) in FRONT_PAGES {
        if page.is_none() && source.has_file(path)? {
            page = Some((path, command));
        }
    }
    let mut reasons = Vec::new();
    let mut steps = Vec::new();
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
            reasons.push("composer.json: PHP; composer installs its packages.".to_owned());
            steps.extend([
                RecipeStep::Install(["composer", "unzip", "git"].map(PackageName::from_known).to_vec()),
                RecipeStep::CopyAll,
                RecipeStep::Run(COMPOSER_COMMAND),
            ]);
        }
        (None, Some((path, _))) => {
            reasons.push(format!("{path}: PHP; the pages are served from their folder."));
            steps.push(RecipeStep::CopyAll);
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
    let recipe = BuildRecipe::Steps { base: image.image, steps, stages: Vec::new() };
    Ok(Some(DetectedSource { kind: SourceKind::Php, recipe, reasons, start }))
}
