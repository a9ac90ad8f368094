//! The languages that are detected, in the order of precedence.

mod generators;
mod go;
mod java;
mod node;
mod php;
mod programs;
mod python;
mod ruby;
mod rust;
mod static_files;

use hearth_base::Result;

pub use node::NodePackage;
pub use python::{PYTHON_SIGNS, installs_python_of_debian, starts_python};
pub use static_files::plan_built_site;

use crate::{
    containerfile::CONTAINERFILE_NAMES, plan::DetectedSource, procfile::Processes, source::SourceTree,
};

/// Facts of a source that every detection may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectionContext<'a> {
    /// Declared processes: with them, no start command has to be found.
    pub processes: Option<&'a Processes>,
}

impl DetectionContext<'_> {
    /// True when the processes are declared.
    pub fn has_processes(self) -> bool {
        self.processes.is_some()
    }
}

/// Detection of a language: `None` when the source is not written in it.
type DetectLanguage = fn(&dyn SourceTree, DetectionContext<'_>) -> Result<Option<DetectedSource>>;

/// A language that can be detected.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// Its name in `hearth.yaml`.
    pub name: &'static str,
    /// Files in the top folder by which it is detected, for messages.
    pub manifests: &'static [&'static str],
    /// Its detection.
    pub detect: DetectLanguage,
}

/// All languages. Where a source has several, the first is its program.
pub const KNOWN_LANGUAGES: &[Language] = &[
    Language { name: "python", manifests: python::PYTHON_MANIFESTS, detect: python::detect_python },
    Language {
        name: "php",
        manifests: &["composer.json", "index.php", "public/index.php"],
        detect: php::detect_php,
    },
    Language { name: "go", manifests: &["go.mod"], detect: go::detect_go },
    Language { name: "rust", manifests: &["Cargo.toml"], detect: rust::detect_rust },
    Language {
        name: "java",
        manifests: &["pom.xml", "build.gradle", "build.gradle.kts"],
        detect: java::detect_java,
    },
    Language { name: "ruby", manifests: &["Gemfile"], detect: ruby::detect_ruby },
    Language { name: "node", manifests: &["package.json"], detect: node::detect_node },
    Language {
        name: "site-generator",
        manifests: &["hugo.toml", "mkdocs.yml", "_config.yml"],
        detect: generators::detect_generator,
    },
    Language {
        name: "static",
        manifests: &["index.html", "public/index.html", "public_html/index.html"],
        detect: static_files::detect_static_files,
    },
];

/// Finds a language by its name.
pub fn find_language(name: &str) -> Option<Language> {
    KNOWN_LANGUAGES.iter().copied().find(|language| language.name == name)
}

/// Lists the names of all languages as text.
pub fn list_language_names() -> String {
    KNOWN_LANGUAGES.iter().map(|language| language.name).collect::<Vec<_>>().join(", ")
}

/// Lists the files by which a source is recognized: Containerfiles, and those of all languages.
pub fn list_manifest_names() -> Vec<&'static str> {
    let languages = KNOWN_LANGUAGES.iter().flat_map(|language| language.manifests.iter().copied());
    CONTAINERFILE_NAMES.into_iter().chain(languages).collect()
}
