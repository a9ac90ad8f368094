//! Ruby: `Gemfile`, with Rails, Rack, or Sinatra.

use hearth_base::{Error, Result};

use super::{DetectionContext, static_files};
use crate::{
    packages::PackageName,
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image, is_in_range},
};

/// Images with Ruby and the compilers of its extensions. The first is the default.
const RUBY_BUILD_IMAGES: &[VersionedImage] =
    &[VersionedImage { number: 303, version: "3.3", image: "ruby3.3" }];
/// Image in which the programs run.
const RUBY_IMAGE: &str = "ruby3.3-slim";

/// Folder of the gems.
const GEM_FOLDER: &str = "/opt/gems";

/// Settings of bundler for the installation and at run time.
const BUNDLER_SETTINGS: [RecipeStep; 6] = [
    RecipeStep::Env("BUNDLE_USER_CONFIG", "/etc/bundler/config"),
    RecipeStep::Env("BUNDLE_PATH", GEM_FOLDER),
    RecipeStep::Env("BUNDLE_WITHOUT", "development:test"),
    RecipeStep::Env("RACK_ENV", "production"),
    RecipeStep::Env("RAILS_ENV", "production"),
    RecipeStep::Env("RAILS_LOG_TO_STDOUT", "1"),
];
/// The server of Rails serves the pages and files too: nothing in front of it does.
const SERVE_FILES: RecipeStep = RecipeStep::Env("RAILS_SERVE_STATIC_FILES", "1");
/// With a lock file, bundler installs its exact versions or fails.
const FROZEN_SETTING: RecipeStep = RecipeStep::Env("BUNDLE_FROZEN", "true");

const INSTALL_COMMAND: &str =
    "mkdir -p /opt/gems && bundle install --jobs 2 --retry 3 && rm -rf /opt/gems/ruby/*/cache";
/// A lock file that was written on another system names only its platform.
const ADD_PLATFORM_COMMAND: &str = "bundle lock --add-platform x86_64-linux";
/// Rails needs no real key to build its pages.
const PRECOMPILE_COMMAND: &str =
    "SECRET_KEY_BASE=1 SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile";

/// Gems that need a library: the gem, the package to compile it, and the one at run time.
const GEM_LIBRARIES: [(&str, &str, &str); 3] = [
    ("pg", "libpq-dev", "libpq5"),
    ("mysql2", "libmariadb-dev", "libmariadb3"),
    ("sqlite3", "libsqlite3-dev", "libsqlite3-0"),
];

/// Web servers, as gems, with the commands that start a Rack application.
const RACK_SERVERS: [(&str, &str); 4] = [
    ("puma", "bundle exec puma --bind tcp://0.0.0.0:${PORT:-9292}"),
    ("falcon", "bundle exec falcon serve --bind http://0.0.0.0:${PORT:-9292}"),
    ("thin", "bundle exec thin start --address 0.0.0.0 --port ${PORT:-9292}"),
    ("rackup", "bundle exec rackup --host 0.0.0.0 --port ${PORT:-9292}"),
];
const RAILS_COMMAND: &str = "bundle exec rails server --binding 0.0.0.0 --port ${PORT:-3000}";
const JEKYLL_COMMAND: &str = "bundle exec jekyll build --baseurl '' --destination _site";
const JEKYLL_FOLDER: SourcePath = SourcePath::from_known("_site");
const SINATRA_COMMAND: &str = "bundle exec ruby app.rb -o 0.0.0.0 -p ${PORT:-4567}";

/// An application of Ruby, as far as its plan needs it.
struct RubyApplication {
    gemfile: String,
    lock: Option<String>,
    has_rack_file: bool,
    has_rails: bool,
    is_sinatra_file: bool,
}

impl RubyApplication {
    fn read(source: &dyn SourceTree) -> Result<Option<Self>> {
        let Some(gemfile) = source.read("Gemfile")? else { return Ok(None) };
        let lock = source.read("Gemfile.lock")?.filter(|text| !text.trim().is_empty());
        let program = source.read("app.rb")?.unwrap_or_default();
        let requires_sinatra =
            program.lines().any(|line| line.trim_start().starts_with("require") && line.contains("sinatra"));
        let mut application = Self {
            gemfile,
            lock,
            has_rack_file: source.has_file("config.ru")?,
            has_rails: false,
            is_sinatra_file: requires_sinatra,
        };
        application.has_rails = source.has_file("bin/rails")? || application.has_gem("rails");
        Ok(Some(application))
    }

    /// True when the lock file, or the Gemfile without one, has a gem.
    fn has_gem(&self, name: &str) -> bool {
        match &self.lock {
            // `    NAME (VERSION)` below GEM.
            Some(lock) => lock
                .lines()
                .any(|line| line.strip_prefix("    ").and_then(|line| line.split(' ').next()) == Some(name)),
            None => self.gemfile.lines().any(|line| {
                let gem =
                    line.trim_start().strip_prefix("gem").map(|rest| rest.trim_start_matches([' ', '(']));
                let quoted = gem.and_then(|rest| rest.split(['\'', '"']).nth(1));
                quoted == Some(name)
            }),
        }
    }

    /// True when the lock file has gems for this system.
    fn has_platform(&self) -> bool {
        let Some((_, rest)) = self.lock.as_deref().and_then(|lock| lock.split_once("PLATFORMS\n")) else {
            return true;
        };
        rest.lines().take_while(|line| line.starts_with(' ')).any(|line| {
            let platform = line.trim();
            platform == "ruby" || platform.starts_with("x86_64-linux")
        })
    }

    /// True when files of the source are needed to install the gems.
    fn refers_to_files(&self) -> bool {
        let signs = ["path:", "path ", ":path", "gemspec", "eval_gemfile", "file:", "File."];
        self.gemfile
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .any(|line| signs.iter().any(|sign| line.contains(sign)))
    }

    /// Version that the Gemfile demands: bundler refuses each other one.
    fn find_demanded_version(&self, source: &dyn SourceTree) -> Result<Option<VersionRequest>> {
        let line = self.gemfile.lines().find_map(|line| line.trim_start().strip_prefix("ruby "));
        let Some(line) = line else { return Ok(None) };
        if line.contains("file:") {
            return read_version_file(source);
        }
        let quoted: Vec<&str> = line.split(['\'', '"']).skip(1).step_by(2).collect();
        Ok(VersionRequest::new("Gemfile", &quoted.join(", ")))
    }
}

/// Detects Ruby by `Gemfile`; `None` without one, and for tools of the developers beside a page or an application in
/// another language. Error `ruby-version` (invalid).
pub fn detect_ruby(source: &dyn SourceTree, context: DetectionContext<'_>) -> Result<Option<DetectedSource>> {
    let Some(application) = RubyApplication::read(source)? else { return Ok(None) };
    let start = guess_web_command(&application);
    let is_site = !context.has_processes() && !application.has_rack_file && application.has_gem("jekyll");
    let is_found = is_site || matches!(start, StartCommand::Guessed { .. });
    let others = ["package.json", "index.html"];
    let has_other =
        others.iter().map(|file| source.has_file(file)).collect::<Result<Vec<_>>>()?.contains(&true);
    if !is_found && !context.has_processes() && has_other {
        return Ok(None);
    }
    let mut reasons = vec!["Gemfile: Ruby; bundler installs its gems in a stage of their own.".to_owned()];
    let demanded = application.find_demanded_version(source)?;
    if let Some(request) = &demanded {
        check_version(request)?;
    }
    let request = demanded.or(read_version_file(source)?);
    let image =
        choose_image(RUBY_BUILD_IMAGES, VersionNotation::Ruby, "Ruby", request.as_ref(), &mut reasons);
    let mut stage_steps = BUNDLER_SETTINGS.to_vec();
    stage_steps.extend(plan_gems(&application, &mut reasons));
    let mut steps = BUNDLER_SETTINGS.to_vec();
    let libraries: Vec<_> = GEM_LIBRARIES.iter().filter(|(gem, ..)| application.has_gem(gem)).collect();
    if !libraries.is_empty() {
        let names: Vec<&str> = libraries.iter().map(|(gem, ..)| *gem).collect();
        reasons.push(format!("The libraries of {} are installed first.", names.join(", ")));
        let list = |of: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
            RecipeStep::Install(libraries.iter().map(|known| PackageName::from_known(of(known))).collect())
        };
        stage_steps.insert(0, list(|known| known.1));
        steps.insert(0, list(|known| known.2));
    }
    if is_site {
        reasons.push("Gemfile: Jekyll builds a site, which is served as static files.".to_owned());
        stage_steps.push(RecipeStep::Run(JEKYLL_COMMAND));
        let stage = BuildStage { name: StageName::Build, base: image.image, steps: stage_steps };
        return Ok(Some(static_files::plan_built_site(Vec::new(), stage, JEKYLL_FOLDER, reasons)));
    }
    if application.has_rails {
        steps.push(SERVE_FILES);
        reasons.push(
            "Rails: it starts only with the variable SECRET_KEY_BASE, or RAILS_MASTER_KEY where it has credentials: \
             hearth envvars create SECRET_KEY_BASE."
                .to_owned(),
        );
        if ["sprockets-rails", "propshaft"].iter().any(|gem| application.has_gem(gem)) {
            reasons.push("Rails: assets:precompile is run.".to_owned());
            stage_steps.push(RecipeStep::Run(PRECOMPILE_COMMAND));
        }
    }
    steps.extend([
        RecipeStep::CopyMade(StageName::Build, GEM_FOLDER),
        RecipeStep::CopyBuilt(StageName::Build, None),
    ]);
    let stages = vec![BuildStage { name: StageName::Build, base: image.image, steps: stage_steps }];
    let recipe = BuildRecipe::Steps { base: RUBY_IMAGE, steps, stages };
    Ok(Some(DetectedSource { kind: SourceKind::Ruby, recipe, reasons, start }))
}

/// Plans the steps up to the installed gems, with all files of the source.
fn plan_gems(application: &RubyApplication, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
    let install = RecipeStep::Run(INSTALL_COMMAND);
    if application.lock.is_none() {
        reasons.push(
            "Without Gemfile.lock builds may install different gems: run bundle lock, and commit it."
                .to_owned(),
        );
        return vec![RecipeStep::CopyAll, install];
    }
    let mut installation = Vec::new();
    if application.has_platform() {
        reasons.push("Gemfile.lock: its exact versions are installed.".to_owned());
        installation.push(FROZEN_SETTING);
    } else {
        reasons.push(
            "Gemfile.lock has no gems for Linux, so the platform is added in the build: bundle lock --add-platform \
             x86_64-linux, and commit it."
                .to_owned(),
        );
        installation.push(RecipeStep::Run(ADD_PLATFORM_COMMAND));
    }
    installation.push(install);
    if application.refers_to_files() || !application.has_platform() {
        return std::iter::once(RecipeStep::CopyAll).chain(installation).collect();
    }
    let copy = RecipeStep::Copy(None, vec!["Gemfile", "Gemfile.lock"]);
    std::iter::once(copy).chain(installation).chain([RecipeStep::CopyAll]).collect()
}

/// Refuses a version that bundler would refuse on every image.
fn check_version(request: &VersionRequest) -> Result<()> {
    let fits =
        RUBY_BUILD_IMAGES.iter().any(|image| is_in_range(&request.text, image.number, VersionNotation::Ruby));
    if fits {
        return Ok(());
    }
    let versions: Vec<&str> = RUBY_BUILD_IMAGES.iter().map(|image| image.version).collect();
    Err(Error::invalid(
        "ruby-version",
        format!(
            "{} asks for Ruby {}, which no image has: available are {}",
            request.origin,
            request.text,
            versions.join(", ")
        ),
    )
    .help("write ruby \"~> 3.3\" in the Gemfile, or use a Containerfile"))
}

fn read_version_file(source: &dyn SourceTree) -> Result<Option<VersionRequest>> {
    Ok(source.read(".ruby-version")?.and_then(|text| VersionRequest::new(".ruby-version", &text)))
}

fn guess_web_command(application: &RubyApplication) -> StartCommand {
    let guess = |command: &str, reason: &str| StartCommand::Guessed {
        command: command.to_owned(),
        reason: reason.to_owned(),
    };
    if application.has_rails {
        return guess(RAILS_COMMAND, "Rails");
    }
    if application.has_rack_file {
        return match RACK_SERVERS.iter().find(|(gem, _)| application.has_gem(gem)) {
            Some((gem, command)) => guess(command, &format!("config.ru: {gem}")),
            None => StartCommand::Unknown(Some(
                "web: bundle exec puma --bind tcp://0.0.0.0:$PORT (and puma in the Gemfile)".to_owned(),
            )),
        };
    }
    if application.is_sinatra_file {
        return guess(SINATRA_COMMAND, "app.rb: Sinatra");
    }
    StartCommand::Unknown(Some("web: bundle exec ruby FILE.rb".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::InMemorySource;

    fn read_application(gemfile: &str, lock: Option<&str>) -> RubyApplication {
        let source = InMemorySource::new().with_file("Gemfile", gemfile);
        let source = match lock {
            Some(lock) => source.with_file("Gemfile.lock", lock),
            None => source,
        };
        RubyApplication::read(&source).unwrap().unwrap()
    }

    #[test]
    fn gems_are_found_in_both_files() {
        let gemfile = "gem 'rack'\ngem \"puma\", '~> 6'\n# gem 'pg'\n";
        let plain = read_application(gemfile, None);
        assert!(plain.has_gem("rack") && plain.has_gem("puma") && !plain.has_gem("pg"));
        let lock = "GEM\n  specs:\n    puma (6.4.0)\n      nio4r (~> 2.0)\nPLATFORMS\n  arm64-darwin-23\n\nDEPENDENCIES\n  ruby\n";
        let locked = read_application(gemfile, Some(lock));
        assert!(locked.has_gem("puma") && !locked.has_gem("rack") && !locked.has_gem("nio4r"));
        assert!(!locked.has_platform());
        assert!(
            read_application(gemfile, Some("PLATFORMS\n  ruby\n")).has_platform() && plain.has_platform()
        );
    }

    #[test]
    fn version_that_bundler_would_refuse_is_refused_before_the_build() {
        let source = |gemfile: &str| {
            InMemorySource::new().with_file("Gemfile", gemfile).with_file(".ruby-version", "3.2.2\n")
        };
        let processes = crate::Processes::new();
        let context = DetectionContext { processes: Some(&processes) };
        let detect = |gemfile: &str| detect_ruby(&source(gemfile), context);
        for gemfile in ["ruby '3.2.2'\n", "ruby \">= 3.4\"\n", "ruby file: \".ruby-version\"\n"] {
            let error = detect(gemfile).err().unwrap();
            assert_eq!(error.code(), "ruby-version", "{gemfile}");
        }
        for gemfile in ["", "ruby '~> 3.1'\n", "ruby '>= 3.0', '< 4'\n", "ruby '3.3.5'\n"] {
            assert!(detect(gemfile).is_ok(), "{gemfile}");
        }
    }
}
