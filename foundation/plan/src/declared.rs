//! The section `build` of `hearth.yaml`: what cannot be detected.
//!
//! ```yaml
//! build:
//!   language: python        # of several that the source has
//!   front_end: assets       # folder with the package.json of the pages; false: none is built
//!   packages: [imagemagick] # of Debian
//!   commands:               # run after the packages of the language are installed
//!     - hugo --minify
//!   static: public          # folder whose files are the page
//!   processes:              # as in a Procfile
//!     web: ./serve
//!   builder: ci             # outside builder that builds it; hearth: the builders of this Hearth
//! ```
//!
//! The keys `repository`, `ref`, `folder` and `recipe` are defaults of deployments, and are ignored here.

use std::collections::BTreeMap;

use hearth_base::{BuilderName, Error, Result};
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    command_line::CommandLine,
    languages,
    packages::{MAX_PACKAGES, PackageName},
    procfile::{self, Processes},
    source::SourceTree,
    source_path::SourcePath,
};

/// File that describes a tool.
pub const TOOL_FILE_NAME: &str = "hearth.yaml";
/// Maximum number of characters of the cause why the file cannot be read.
const MAX_CAUSE_CHARACTERS: usize = 200;
/// Maximum number of declared commands.
const MAX_COMMANDS: usize = 32;

/// Front end that the source declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredFrontEnd {
    /// None is built.
    Disabled,
    /// The one in this folder.
    In(SourcePath),
}

/// Declarations of a source about its build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredBuild {
    /// Language of the program.
    pub language: Option<&'static str>,
    /// Front end beside a program of another language.
    pub front_end: Option<DeclaredFrontEnd>,
    /// Debian packages.
    pub packages: Vec<PackageName>,
    /// Commands that run after the packages of the language are installed.
    pub commands: Vec<CommandLine>,
    /// Folder whose files are the page.
    pub static_folder: Option<SourcePath>,
    /// Processes of the image.
    pub processes: Option<Processes>,
    /// Outside builder that builds it; the recipe does not depend on it.
    pub builder: Option<BuilderName>,
}

impl DeclaredBuild {
    /// True when it says how the image is built, so that a Dockerfile is not meant for it.
    pub fn defines_build(&self) -> bool {
        self.language.is_some() || self.static_folder.is_some() || !self.commands.is_empty()
    }
}

/// The file, as far as this crate reads it.
#[derive(Debug, Deserialize)]
struct ToolFile {
    build: Option<BuildSection>,
    #[serde(flatten)]
    _rest: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BuildSection {
    language: Option<String>,
    front_end: Option<FrontEndValue>,
    packages: Vec<String>,
    commands: Vec<String>,
    #[serde(rename = "static")]
    static_folder: Option<String>,
    processes: Option<BTreeMap<String, String>>,
    builder: Option<String>,
    /// Keys of deployments, which `components` reads and checks.
    #[serde(rename = "repository")]
    _repository: IgnoredAny,
    #[serde(rename = "ref")]
    _reference: IgnoredAny,
    #[serde(rename = "folder")]
    _folder: IgnoredAny,
    #[serde(rename = "recipe")]
    _recipe: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum FrontEndValue {
    Enabled(bool),
    Folder(String),
}

/// Reads the section `build`; empty without one. Error `build-section` (invalid) contains every problem.
pub fn read_declared_build(source: &dyn SourceTree) -> Result<DeclaredBuild> {
    let Some(text) = source.read(TOOL_FILE_NAME)? else { return Ok(DeclaredBuild::default()) };
    let file: Option<ToolFile> = serde_saphyr::from_str(&text).map_err(|cause| {
        let cause = cause.to_string();
        let symbols = cause.lines().next().unwrap_or_default().chars().filter(|symbol| !symbol.is_control());
        let cause: String = symbols.take(MAX_CAUSE_CHARACTERS).collect();
        build_section_error(format!("{TOOL_FILE_NAME} cannot be read: {cause}"))
    })?;
    let Some(section) = file.and_then(|file| file.build) else { return Ok(DeclaredBuild::default()) };
    section.check_fields()
}

/// Reads which outside builder a source declares, for the client that starts its build.
pub fn read_declared_builder(source: &dyn SourceTree) -> Result<Option<BuilderName>> {
    Ok(read_declared_build(source)?.builder)
}

impl BuildSection {
    fn check_fields(self) -> Result<DeclaredBuild> {
        let mut problems = Vec::new();
        let language = self.language.as_deref().and_then(|name| {
            let known = languages::find_language(name).map(|language| language.name);
            if known.is_none() {
                problems
                    .push(format!("language {name:.40?} is none of {}", languages::list_language_names()));
            }
            known
        });
        let front_end = match self.front_end {
            None | Some(FrontEndValue::Enabled(true)) => None,
            Some(FrontEndValue::Enabled(false)) => Some(DeclaredFrontEnd::Disabled),
            Some(FrontEndValue::Folder(text)) => {
                check_front_end(&text, &mut problems).map(DeclaredFrontEnd::In)
            }
        };
        let mut packages = Vec::new();
        for text in self.packages {
            match PackageName::parse(&text) {
                Some(name) => packages.push(name),
                None => problems.push(format!("{text:.60?} is not the name of a Debian package")),
            }
        }
        if packages.len() > MAX_PACKAGES {
            problems.push(format!("packages has {} names; at most {MAX_PACKAGES}", packages.len()));
        }
        if self.commands.len() > MAX_COMMANDS {
            problems.push(format!("commands has {} lines; at most {MAX_COMMANDS}", self.commands.len()));
        }
        let mut commands = Vec::new();
        for (number, text) in (1..).zip(&self.commands) {
            match CommandLine::parse(text) {
                Ok(command) => commands.push(command),
                Err(reason) => problems.push(format!("command {number} {reason}")),
            }
        }
        let static_folder = self.static_folder.and_then(|text| check_path("static", &text, &mut problems));
        let processes = self.processes.map(|declared| check_processes(declared, &mut problems));
        let builder = self.builder.and_then(|text| match text.parse::<BuilderName>() {
            Ok(name) => Some(name),
            Err(_) => {
                problems.push(format!("builder {text:.60?} is not the name of an outside builder"));
                None
            }
        });
        if problems.is_empty() {
            let declared =
                DeclaredBuild { language, front_end, packages, commands, static_folder, processes, builder };
            return Ok(declared);
        }
        let mut sentences =
            problems.into_iter().map(|problem| format!("{TOOL_FILE_NAME}, section build: {problem}"));
        let error = build_section_error(sentences.next().unwrap_or_default());
        Err(sentences.fold(error, |error, sentence| error.and_message(sentence)))
    }
}

fn check_path(field: &str, text: &str, problems: &mut Vec<String>) -> Option<SourcePath> {
    let path = SourcePath::parse(text);
    if path.is_none() {
        problems.push(format!(
            "{field} {text:.60?} is not a folder of the source: use letters, digits and ._- between slashes"
        ));
    }
    path
}

/// Checks the folder of the front end. The builder reports files one folder deep, so that detection is the same there.
fn check_front_end(text: &str, problems: &mut Vec<String>) -> Option<SourcePath> {
    let path = check_path("front_end", text, problems)?;
    if path.as_str().contains('/') {
        problems.push(format!("front_end {path} is deeper than one folder; name a folder of the top folder"));
        return None;
    }
    Some(path)
}

fn check_processes(declared: BTreeMap<String, String>, problems: &mut Vec<String>) -> Processes {
    for (name, command) in &declared {
        if let Err(reason) = procfile::check_process(name, command) {
            problems.push(reason);
        }
    }
    declared
}

fn build_section_error(sentence: String) -> Error {
    Error::invalid("build-section", sentence)
        .help("docs/building.md describes the section build of hearth.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::InMemorySource;

    fn read_section(text: &str) -> Result<DeclaredBuild> {
        read_declared_build(&InMemorySource::new().with_file(TOOL_FILE_NAME, text))
    }

    #[test]
    fn section_declares_a_build() -> Result<()> {
        let read = read_section(
            "config_version: hearth/v1\ntool: x\nbuild:\n  language: php\n  front_end: assets\n  packages: [hugo]\n  \
             commands:\n    - hugo --minify\n  static: public\n  processes:\n    web: ./serve\n  builder: ci\ncomponents: {}\n",
        )?;
        assert_eq!(read.language, Some("php"));
        assert_eq!(read.front_end, Some(DeclaredFrontEnd::In(SourcePath::from_known("assets"))));
        assert_eq!(read.commands[0].render_as_json(), r#"["/bin/sh","-c","hugo --minify"]"#);
        assert_eq!((read.packages.len(), read.static_folder.is_some()), (1, true));
        assert_eq!(read.processes.as_ref().map(|processes| processes["web"].as_str()), Some("./serve"));
        assert_eq!(read.builder.as_ref().map(BuilderName::as_str), Some("ci"));
        Ok(())
    }

    #[test]
    fn file_without_a_section_declares_nothing() -> Result<()> {
        for text in ["", "tool: x\n", "# nothing\n", "build:\n"] {
            assert_eq!(read_section(text)?, DeclaredBuild::default(), "{text:?}");
        }
        Ok(())
    }

    #[test]
    fn keys_of_deployments_are_ignored() -> Result<()> {
        let text = "build: {repository: https://git.example/a, ref: main, folder: b, recipe: detected, packages: [hugo]}\n";
        assert_eq!(read_section(text)?, read_section("build: {packages: [hugo]}\n")?);
        Ok(())
    }

    #[test]
    fn every_problem_is_named() {
        let error = read_section(
            "build:\n  language: cobol\n  front_end: ../x\n  packages: ['a;b']\n  commands: ['', \"a\\nb\"]\n  static: /\n  \
             processes: {web: ''}\n  builder: A B\n",
        )
        .err();
        let sentences: Vec<String> =
            error.iter().flat_map(|error| error.public_messages().map(str::to_owned)).collect();
        assert_eq!(sentences.len(), 8, "{sentences:?}");
        let error = read_section("build: {front_end: theme/static_src}\n").err();
        assert!(error.is_some_and(|error| error.public_message().contains("deeper than one folder")));
        for text in ["build: {unknown: 1}", "build: [", "build: {commands: {a: b}}", "- x"] {
            assert_eq!(
                read_section(text).err().map(|error| error.code().to_owned()).as_deref(),
                Some("build-section"),
                "{text}"
            );
        }
    }
}
