//! Plans of applications as real repositories have them.

use hearth_plan::{BuildPlan, InMemorySource, RecipeChoice, SourceKind, plan_build, plan_build_by};

use crate::render_plan;

fn source_of(files: &[(&str, &str)]) -> InMemorySource {
    files.iter().fold(InMemorySource::new(), |source, (name, text)| source.with_file(*name, *text))
}

fn plan_of(files: &[(&str, &str)]) -> BuildPlan {
    plan_build(&source_of(files)).unwrap()
}

macro_rules! applications {
    ($($name:ident: $files:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(render_plan(&source_of(&$files)));
        }
    )*};
}

applications! {
    uv_application_with_a_flat_folder: [
        ("pyproject.toml", "[project]\nname = \"u\"\nversion = \"0\"\nrequires-python = \">=3.12\"\ndependencies = [\"six\"]\n"),
        ("uv.lock", ""), ("app.py", ""), ("static/s", ""), ("templates/t", ""), ("Procfile", "web: python3 app.py\n"),
    ];
    poetry_application_without_a_build_system: [
        ("pyproject.toml", "[tool.poetry]\nname = \"p\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\nsix = \"*\"\n"),
        ("poetry.lock", ""), ("app.py", ""),
    ];
    pdm_application: [("pyproject.toml", "[project]\nname = \"x\"\n[tool.pdm]\ndistribution = false\n"), ("pdm.lock", "")];
    flask_application_without_a_procfile: [
        ("requirements.txt", "flask\n"), ("app.py", "from flask import Flask\n\napp = Flask(__name__)\n"),
    ];
    requirements_from_git: [("requirements.txt", "pond @ git+https://code.example/pond.git@main\n"), ("Procfile", "web: x\n")];
    site_that_vite_builds: [
        ("package.json", r#"{"scripts": {"dev": "vite", "build": "vite build"}, "devDependencies": {"vite": "5"}}"#),
        ("index.html", ""), (".npmrc", "legacy-peer-deps=true\n"),
    ];
    node_with_settings_of_npm_and_a_version: [
        ("package.json", r#"{"engines": {"node": ">=22"}, "scripts": {"start": "node s.js"}}"#),
        ("package-lock.json", "{}"), (".npmrc", ""),
    ];
    bot_with_jobs_only: [("requirements.txt", ""), ("Procfile", "tidy: python3 tidy.py\nrelease: ./migrate\n")];
    packages_of_debian: [("requirements.txt", ""), ("Aptfile", "imagemagick\nlibpq-dev\n"), ("Procfile", "web: x\n")];
    dockerfile_beside_a_procfile_and_requirements: [
        ("Dockerfile", "FROM x\nCMD y\n"), ("requirements.txt", "flask"), ("Procfile", "web: gunicorn app:app\n"),
    ];
    containerfile_beside_requirements: [("Containerfile", "FROM x\nCMD y\n"), ("requirements.txt", "flask")];
    application_in_a_subfolder: [("backend/requirements.txt", "flask"), ("frontend/package.json", "{}")];
    procfile_that_enters_a_subfolder: [
        ("Procfile", "web: cd backend && gunicorn app:app\n"), ("backend/requirements.txt", "flask"),
    ];
    python_with_a_front_end_at_the_top: [
        ("requirements.txt", "flask\n"), ("app.py", "from flask import Flask\n\napp = Flask(__name__)\n"),
        ("package.json", r#"{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}"#), ("package-lock.json", "{}"),
    ];
    python_with_a_front_end_in_a_folder: [
        ("requirements.txt", "fastapi\nuvicorn\n"), ("main.py", "from fastapi import FastAPI\n\napp = FastAPI()\n"),
        ("frontend/package.json", r#"{"scripts": {"dev": "vite", "build": "vite build"}}"#), ("frontend/pnpm-lock.yaml", ""),
    ];
    python_without_its_front_end: [
        ("requirements.txt", ""), ("web/package.json", r#"{"scripts": {"build": "x"}}"#), ("Procfile", "web: x\n"),
        ("hearth.yaml", "tool: x\nbuild:\n  front_end: false\n"),
    ];
    site_of_a_declared_generator: [
        ("config.toml", ""), ("hearth.yaml", "build:\n  packages: [hugo]\n  commands: [hugo --minify]\n  static: public\n"),
    ];
    node_with_a_server_for_developers: [
        ("package.json", r#"{"scripts": {"start": "react-scripts start", "build": "react-scripts build"}}"#), ("yarn.lock", ""),
    ];
    declared_processes_and_commands: [
        ("requirements.txt", ""), ("hearth.yaml", "build:\n  commands: ['python3 prepare.py \"a\"']\n  processes: {web: ./serve}\n"),
    ];
    php_page: [("public_html/index.php", "<?php echo 1;")];
    php_with_composer: [("composer.json", r#"{"require": {"php": ">=8.1"}}"#), ("public/index.php", "")];
}

#[test]
fn unsupported_language_beside_a_procfile_is_refused() {
    for (file, language) in
        [("mix.exs", "Elixir"), ("cpanfile", "Perl"), ("build.sbt", "Scala"), ("deno.json", "Deno")]
    {
        let error = plan_build(&source_of(&[(file, ""), ("Procfile", "web: ./serve\n")])).unwrap_err();
        assert_eq!(error.code(), "language-unsupported");
        assert!(error.public_message().contains(language), "{error:?}");
        // Its own Containerfile builds it, and the Procfile names the processes.
        let plan = plan_of(&[(file, ""), ("Procfile", "web: ./serve\n"), ("Dockerfile", "FROM x\n")]);
        assert_eq!((plan.kind, plan.processes["web"].as_str()), (SourceKind::Containerfile, "./serve"));
    }
}

#[test]
fn page_beside_settings_of_tools_stays_a_page() {
    let tools = r#"{"devDependencies": {"prettier": "3"}, "scripts": {"lint": "prettier ."}}"#;
    for (file, text) in [("package.json", tools), ("pyproject.toml", "[tool.black]\nline-length = 99\n")] {
        let plan = plan_of(&[(file, text), ("index.html", "<h1>hello</h1>")]);
        assert_eq!(plan.kind, SourceKind::StaticFiles, "{file}");
        assert!(plan.can_start("web"));
    }
    let plan =
        plan_of(&[("pyproject.toml", "[tool.black]\n"), ("package.json", r#"{"scripts": {"start": "x"}}"#)]);
    assert_eq!(plan.kind, SourceKind::Node);
}

#[test]
fn versions_that_files_ask_for_select_the_image() {
    for (files, image) in [
        ([("requirements.txt", ""), (".python-version", "3.13\n")], "python3.13-slim"),
        ([("requirements.txt", ""), ("runtime.txt", "python-3.14.1\n")], "python3.14-slim"),
        ([("package.json", r#"{"scripts": {"start": "x"}}"#), (".nvmrc", "v20.1.0\n")], "node20"),
        ([("package.json", r#"{"scripts": {"start": "x"}}"#), (".node-version", "22\n")], "node24"),
    ] {
        let plan = plan_of(&files);
        assert_eq!(plan.base_image(), Some(image));
        assert!(plan.reasons.iter().any(|reason| reason.contains(files[1].0)), "{:?}", plan.reasons);
    }
}

#[test]
fn user_chooses_between_the_recipes() {
    let source = source_of(&[("Dockerfile", "FROM x\n"), ("requirements.txt", ""), ("Procfile", "web: x\n")]);
    let kind = |choice| plan_build_by(&source, choice).unwrap().kind;
    assert_eq!(kind(None), SourceKind::Python);
    assert_eq!(kind(Some(RecipeChoice::Containerfile)), SourceKind::Containerfile);
    let own = source_of(&[("Containerfile", "FROM x\n"), ("requirements.txt", ""), ("Procfile", "web: x\n")]);
    assert_eq!(plan_build(&own).unwrap().kind, SourceKind::Containerfile);
    assert_eq!(plan_build_by(&own, Some(RecipeChoice::Detected)).unwrap().kind, SourceKind::Python);
    let none = source_of(&[("requirements.txt", "")]);
    assert_eq!(
        plan_build_by(&none, Some(RecipeChoice::Containerfile)).unwrap_err().code(),
        "no-containerfile"
    );
}

#[test]
fn plan_without_a_start_command_suggests_one() {
    let plan = plan_of(&[("requirements.txt", "fastapi"), ("main.py", "app = FastAPI()\n")]);
    assert!(!plan.can_start("web"));
    assert!(plan.suggested_process.unwrap().starts_with("web: uvicorn main:app"));
    assert!(!plan_of(&[("requirements.txt", ""), ("Procfile", "tidy: x\n")]).can_start("web"));
    assert!(plan_of(&[("Containerfile", "FROM x\nCMD y\n")]).can_start("web"));
}
