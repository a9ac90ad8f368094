//! Plans of Go, Rust, Java and Ruby: usual sources, and their usual mistakes.

use hearth_plan::{BuildPlan, InMemorySource, SourceKind, plan_build};

use crate::render_plan;

fn source_of(files: &[(&str, &str)]) -> InMemorySource {
    files.iter().fold(InMemorySource::new(), |source, (name, text)| source.with_file(*name, *text))
}

fn plan_of(files: &[(&str, &str)]) -> BuildPlan {
    plan_build(&source_of(files)).unwrap()
}

const GO_MODULE: &str = "module code.example/ann/pond\n\ngo 1.22\n\nrequire (\n\tcode.example/x v1.0.0\n)\n";
const CARGO_PACKAGE: &str =
    "[package]\nname = \"pond\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\naxum = \"0.8\"\n";
const SPRING_POM: &str = "<project><properties><java.version>17</java.version></properties><build><plugins><plugin>\
     <artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build></project>";
const RACK_LOCK: &str = "GEM\n  specs:\n    puma (6.6.0)\n    sinatra (4.1.1)\n\nPLATFORMS\n  ruby\n";

macro_rules! sources {
    ($($name:ident: $files:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(render_plan(&source_of(&$files)));
        }
    )*};
}

sources! {
    go_program_at_the_top: [("go.mod", GO_MODULE), ("go.sum", "x"), ("main.go", "package main\n")];
    go_programs_in_cmd: [("go.mod", GO_MODULE), ("go.sum", "x"), ("cmd/server/main.go", ""), ("cmd/tidy/main.go", "")];
    go_programs_without_a_usual_name: [("go.mod", "module x\n"), ("cmd/a/main.go", ""), ("cmd/b/main.go", "")];
    go_without_its_lock: [("go.mod", GO_MODULE), ("main.go", ""), ("Procfile", "web: pond\n")];
    go_newer_than_the_default: [("go.mod", "module x\ngo 1.26\n"), ("main.go", "")];
    go_with_a_front_end: [
        ("go.mod", GO_MODULE), ("go.sum", ""), ("main.go", ""), ("web/package.json", r#"{"scripts": {"build": "vite build"}}"#),
    ];
    rust_package: [("Cargo.toml", CARGO_PACKAGE), ("Cargo.lock", ""), ("src/main.rs", "fn main() {}")];
    rust_package_with_a_library: [
        ("Cargo.toml", CARGO_PACKAGE), ("Cargo.lock", ""), ("src/main.rs", ""), ("src/lib.rs", ""),
    ];
    rust_workspace: [
        ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n"), ("Cargo.lock", ""),
        ("crates/pond/Cargo.toml", "[package]\nname = \"pond-server\"\n"), ("crates/pond/src/main.rs", ""),
        ("crates/core/Cargo.toml", "[package]\nname = \"pond-core\"\n"),
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.80\"\n"),
    ];
    rust_without_its_lock: [
        ("Cargo.toml", "[package]\nname = \"x\"\ndefault-run = \"serve\"\n[[bin]]\nname = \"serve\"\n[[bin]]\nname = \"tidy\"\n"),
        ("rust-toolchain", "nightly\n"),
    ];
    rust_manifest_that_cannot_be_read: [("Cargo.toml", "[package\n")];
    spring_boot_with_maven: [("pom.xml", SPRING_POM), ("mvnw", "")];
    maven_without_a_whole_jar: [("pom.xml", "<project><maven.compiler.release>25</maven.compiler.release></project>")];
    maven_with_a_procfile: [
        ("pom.xml", SPRING_POM), ("Procfile", "web: java -jar target/pond-1.jar\n"), ("system.properties", "java.runtime.version=21\n"),
    ];
    gradle_with_its_wrapper: [
        ("build.gradle.kts", "plugins { id(\"org.springframework.boot\") version \"3.5\" }\n"), ("gradlew", ""),
        ("gradle/wrapper/gradle-wrapper.jar", ""),
    ];
    gradle_application: [
        ("build.gradle", "plugins { id 'application' }\n"), ("gradlew", ""), ("gradle/wrapper/gradle-wrapper.jar", ""),
    ];
    gradle_without_its_wrapper: [("build.gradle", "plugins {}\n"), ("gradlew", "")];
    rack_application: [
        ("Gemfile", "gem 'sinatra'\ngem 'puma'\n"), ("Gemfile.lock", RACK_LOCK), ("config.ru", ""), (".ruby-version", "3.3.5\n"),
    ];
    sinatra_file_without_its_lock: [("Gemfile", "gem 'sinatra'\n"), ("app.rb", "require 'sinatra'\n")];
    rails_application: [
        ("Gemfile", "gem 'rails'\n"), ("bin/rails", ""), ("config.ru", ""),
        ("Gemfile.lock", "GEM\n  specs:\n    pg (1.5.0)\n    propshaft (1.0)\n    puma (6.0)\n    rails (8.0)\n\nPLATFORMS\n  arm64-darwin\n"),
    ];
    ruby_of_another_version: [("Gemfile", "ruby '3.2.2'\n"), ("config.ru", "")];
    jekyll_site_with_its_gems: [("Gemfile", "gem 'jekyll'\n"), ("_config.yml", ""), ("index.html", "")];
}

#[test]
fn files_of_developers_tools_do_not_hide_an_application() {
    for (files, kind) in [
        (
            vec![("Gemfile", "gem 'fastlane'\n"), ("package.json", r#"{"scripts": {"start": "x"}}"#)],
            SourceKind::Node,
        ),
        (vec![("Gemfile", "gem 'rake'\n"), ("index.html", "")], SourceKind::StaticFiles),
        (vec![("Cargo.toml", CARGO_PACKAGE), ("requirements.txt", "")], SourceKind::Python),
        (
            vec![("go.mod", "module x\n"), ("package.json", r#"{"scripts": {"build": "vite build"}}"#)],
            SourceKind::Go,
        ),
    ] {
        assert_eq!(plan_of(&files).kind, kind, "{files:?}");
    }
}

#[test]
fn text_of_a_compiled_source_never_becomes_an_instruction() {
    let evil = "x\nRUN evil";
    for files in [
        vec![("go.mod", "module a/$(evil)\nrequire evil v1\n"), ("main.go", evil), ("cmd/a b/main.go", evil)],
        vec![
            ("Cargo.toml", "[package]\nname = \"x\\nRUN evil\"\ndefault-run = \"`evil`\"\n"),
            ("src/main.rs", evil),
        ],
        vec![("pom.xml", "<release>1\nRUN evil</release><!-- spring-boot-maven-plugin -->")],
        vec![("Gemfile", "gem 'puma'\ngem 'x\nRUN evil'\n"), ("config.ru", evil)],
    ] {
        let plan = plan_of(&files);
        let text = plan.render_containerfile(&|_| "base".to_owned(), &[]).unwrap().unwrap();
        assert!(!text.contains("evil"), "{text}");
    }
}
