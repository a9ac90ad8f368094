//! Steps of a recipe, and their rendering as a Containerfile.

use std::fmt::{self, Write as _};

use hearth_base::{Error, Result};

use crate::{
    command_line::CommandLine,
    label::{PROCESSES_LABEL, render_label_value},
    package_sources::BuildPackageSources,
    packages::PackageName,
    procfile::Processes,
    source_path::SourcePath,
};

/// A step of a recipe. Its texts are constants of this crate, or checked ones of a source: names of packages and paths,
/// whose letters need no escape, and declared commands, which are rendered as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeStep {
    /// A comment.
    Note(&'static str),
    /// Sets an environment variable of the image.
    Env(&'static str, &'static str),
    /// Installs Debian packages.
    Install(Vec<PackageName>),
    /// Installs Debian packages from Debian and from package sources of the build.
    InstallFrom(BuildPackageSources, Vec<PackageName>),
    /// Copies these files of a folder of the source, by default its top folder, into the working folder.
    Copy(Option<SourcePath>, Vec<&'static str>),
    /// Copies the whole source into the working folder.
    CopyAll,
    /// Copies a folder of an earlier stage's working folder to the same place; `None` copies the whole working folder.
    CopyBuilt(StageName, Option<SourcePath>),
    /// Copies a file or folder that an earlier stage made outside of its working folder to the same place.
    CopyMade(StageName, &'static str),
    /// Changes the working folder to a folder of the source, or back to its top folder, for the steps after it.
    EnterFolder(Option<SourcePath>),
    /// Runs a command line.
    Run(&'static str),
    /// Runs a command line that the source declares.
    RunDeclared(CommandLine),
    /// Runs a command line after all others of its stage: removes what only they need.
    Cleanup(&'static str),
}

/// Name of a stage that builds files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageName {
    /// Builds the pages that a program of another language serves.
    FrontEnd,
    /// Builds the program or site.
    Build,
    /// Makes a declared folder of static files with the image of a program.
    Site,
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FrontEnd => "frontend",
            Self::Build => "build",
            Self::Site => "site",
        })
    }
}

/// Stage that builds files for the image, and is no part of the image itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildStage {
    /// Its name.
    pub name: StageName,
    /// Short name of its base image.
    pub base: &'static str,
    /// Its steps.
    pub steps: Vec<RecipeStep>,
}

/// Working directory of the image, which contains the source.
const IMAGE_WORKDIR: &str = "/app";

/// Renders a Containerfile. `resolve_base` maps the short name of a base image to a name that the builder can pull; an
/// invalid name is an internal error. `arguments` are declared in each stage.
pub fn render_containerfile(
    resolve_base: &dyn Fn(&str) -> String,
    arguments: &[&str],
    stages: &[BuildStage],
    base: &str,
    steps: &[RecipeStep],
    processes: &Processes,
) -> Result<String> {
    let mut text = String::new();
    for BuildStage { name, base, steps } in stages {
        begin_stage(&mut text, &resolve_base(base), Some(*name), arguments)?;
        steps.iter().for_each(|step| render_step(&mut text, step));
        text.push('\n');
    }
    begin_stage(&mut text, &resolve_base(base), None, arguments)?;
    steps.iter().for_each(|step| render_step(&mut text, step));
    if !processes.is_empty() {
        // Only backslashes and quotation marks need escaping: `render_label_value` has escaped all other characters.
        let value = render_label_value(processes).replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "LABEL {PROCESSES_LABEL}=\"{value}\"");
    }
    Ok(text)
}

fn begin_stage(text: &mut String, from: &str, name: Option<StageName>, arguments: &[&str]) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    if from.is_empty() || from.starts_with('-') || !from.bytes().all(fits) {
        return Err(Error::internal(format!("invalid image name: {from:?}")));
    }
    let name = name.map(|name| format!(" AS {name}")).unwrap_or_default();
    // Writing into memory does not fail.
    let _ = writeln!(text, "FROM {from}{name}");
    for argument in arguments {
        let _ = writeln!(text, "ARG {argument}");
    }
    let _ = writeln!(text, "WORKDIR {IMAGE_WORKDIR}");
    Ok(())
}

fn render_step(text: &mut String, step: &RecipeStep) {
    let _ = match step {
        RecipeStep::Note(note) => writeln!(text, "# {note}"),
        RecipeStep::Env(name, value) => writeln!(text, "ENV {name}={value}"),
        RecipeStep::Install(packages) => writeln!(text, "RUN {}", render_install(packages, "")),
        RecipeStep::InstallFrom(sources, packages) => {
            // An archive out of reach is no reason to install other packages than the last time.
            let install = render_install(packages, " --error-on=any");
            writeln!(text, "RUN {} && {install}", sources.render_install_guard())
        }
        RecipeStep::Copy(None, files) => writeln!(text, "COPY {} ./", files.join(" ")),
        RecipeStep::Copy(Some(folder), files) => {
            let paths: Vec<String> = files.iter().map(|file| format!("{folder}/{file}")).collect();
            writeln!(text, "COPY {} ./", paths.join(" "))
        }
        RecipeStep::CopyAll => writeln!(text, "COPY . ."),
        RecipeStep::CopyBuilt(stage, None) => {
            writeln!(text, "COPY --from={stage} {IMAGE_WORKDIR} {IMAGE_WORKDIR}")
        }
        RecipeStep::CopyBuilt(stage, Some(folder)) => {
            writeln!(text, "COPY --from={stage} {IMAGE_WORKDIR}/{folder} {IMAGE_WORKDIR}/{folder}")
        }
        RecipeStep::CopyMade(stage, path) => writeln!(text, "COPY --from={stage} {path} {path}"),
        RecipeStep::EnterFolder(None) => writeln!(text, "WORKDIR {IMAGE_WORKDIR}"),
        RecipeStep::EnterFolder(Some(folder)) => writeln!(text, "WORKDIR {IMAGE_WORKDIR}/{folder}"),
        RecipeStep::Run(command) | RecipeStep::Cleanup(command) => writeln!(text, "RUN {command}"),
        RecipeStep::RunDeclared(command) => writeln!(text, "RUN {}", command.render_as_json()),
    };
}

/// Renders the command line that installs packages.
fn render_install(packages: &[PackageName], update_option: &str) -> String {
    let names: Vec<String> = packages.iter().map(ToString::to_string).collect();
    format!(
        "apt-get -o APT::Sandbox::User=root update -qq{update_option} && apt-get -o APT::Sandbox::User=root install -qq \
         --no-install-recommends {} && rm -rf {APT_LEFTOVERS}",
        names.join(" ")
    )
}

/// Files of an installation that no program needs. Indexes take 70 MB, and they, logs and the linker's second cache contain
/// times, so that equal packages would make different layers.
const APT_LEFTOVERS: &str = "/var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/ldconfig/aux-cache /var/log/apt \
                             /var/log/*.log";

#[cfg(test)]
mod tests {
    use super::*;

    fn render(from: &str, steps: &[RecipeStep], processes: &Processes) -> Result<String> {
        render_containerfile(&|_| from.to_owned(), &[], &[], "x", steps, processes)
    }

    #[test]
    fn command_never_becomes_an_instruction() -> Result<()> {
        for command in ["a\nRUN b", "\"\nRUN b", "\\", "$(b)", "\" org.x=\"1", "#", "<<EOF", "\u{2028}RUN b"]
        {
            let processes = Processes::from([("web".to_owned(), command.to_owned())]);
            let text = render("base", &[RecipeStep::CopyAll], &processes)?;
            assert_eq!(text.lines().count(), 4, "{text}");
            let label = text.lines().last().unwrap_or_default();
            assert!(label.starts_with("LABEL org.hearth.processes=\"{") && label.ends_with("}\""), "{label}");
            // Every quotation mark inside is behind an odd number of backslashes.
            let inner = &label["LABEL org.hearth.processes=\"".len()..label.len() - 1];
            let mut backslashes = 0;
            for symbol in inner.chars() {
                assert!(symbol != '"' || backslashes % 2 == 1, "{label}");
                assert!(symbol != '$' && symbol != '`', "{label}");
                backslashes = if symbol == '\\' { backslashes + 1 } else { 0 };
            }
        }
        Ok(())
    }

    #[test]
    fn invalid_base_image_name_is_refused() {
        for from in ["", "a b", "a\nRUN b", "--platform=x", "a$b"] {
            assert!(render(from, &[], &Processes::new()).is_err(), "{from:?}");
        }
    }
}
