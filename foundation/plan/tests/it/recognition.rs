//! Sources in several forms: each form of a kind is recognized.

use hearth_plan::{BuildPlan, InMemorySource, SourceKind, plan_build};

fn source_of(files: &[(&str, &str)]) -> InMemorySource {
    files.iter().fold(InMemorySource::new(), |source, (name, text)| source.with_file(*name, *text))
}

fn plan_of(files: &[(&str, &str)]) -> BuildPlan {
    plan_build(&source_of(files)).unwrap()
}

fn render(plan: &BuildPlan) -> String {
    plan.render_containerfile(&|base| format!("hearth/{base}"), &[]).unwrap().unwrap()
}

#[test]
fn application_in_a_subfolder_is_named_with_the_command_that_deploys_it() {
    for path in
        ["backend/requirements.txt", "site/index.html", "app/Dockerfile", "web/index.php", "api/go.mod"]
    {
        let error = plan_build(&source_of(&[(path, ""), ("README.md", "")])).unwrap_err();
        assert_eq!(error.code(), "nothing-recognised");
        let sentences: Vec<&str> = error.public_messages().collect();
        assert!(sentences.iter().any(|line| line.contains(path)), "{path}: {sentences:?}");
        let folder = path.split('/').next().unwrap();
        let help = error.help_text().unwrap_or_default();
        assert!(help.contains(&format!("hearth deploy {folder};")), "{path}: {help}");
        assert!(help.contains(&format!("--folder {folder}")), "{path}: {help}");
    }
}

#[test]
fn recipe_that_is_not_used_is_named() {
    for (files, named) in [
        (&[("Dockerfile", "FROM x\n"), ("Procfile", "web: x\n"), ("package.json", "{}")][..], "Dockerfile"),
        (&[("Dockerfile", "FROM x\n"), ("Procfile", "web: x\n"), ("index.html", "")], "Dockerfile"),
        (&[("Dockerfile", "FROM x\nCMD y\n"), ("requirements.txt", "")], "requirements.txt"),
        (&[("Dockerfile", "FROM golang:1.22\nCMD y\n"), ("go.mod", "module x\n")], "go.mod"),
        (&[("Dockerfile", "FROM x\nCMD y\n"), ("Gemfile", ""), ("package.json", "{}")], "Gemfile"),
        (&[("Dockerfile", "FROM x\nCMD y\n"), ("Pipfile", "[packages]\n")], "Pipfile"),
        (&[("Containerfile", "FROM x\nCMD y\n"), ("package.json", "{}")], "package.json"),
        (
            &[("Containerfile", "FROM x\nCMD y\n"), ("pyproject.toml", "[project]\nname = \"x\"\n")],
            "pyproject.toml",
        ),
    ] {
        let plan = plan_of(files);
        let sentences = plan.reasons.iter().filter(|reason| reason.contains(named));
        assert!(sentences.clone().any(|reason| reason.contains("--recipe")), "{named}: {:?}", plan.reasons);
    }
}

#[test]
fn settings_of_npm_are_there_when_it_installs() {
    const STARTED_PACKAGE: &str = r#"{"scripts": {"start": "x"}}"#;
    const SITE_PACKAGE: &str = r#"{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}"#;
    const LOCAL_PACKAGE: &str = r#"{"scripts": {"start": "x"}, "dependencies": {"lib": "file:./lib"}}"#;
    for (package, lock) in [
        (STARTED_PACKAGE, "package-lock.json"),
        (STARTED_PACKAGE, "npm-shrinkwrap.json"),
        (STARTED_PACKAGE, "README.md"),
        (SITE_PACKAGE, "package-lock.json"),
        (LOCAL_PACKAGE, "package-lock.json"),
    ] {
        let recipe =
            render(&plan_of(&[("package.json", package), (lock, "{}"), (".npmrc", "engine-strict=true\n")]));
        let before = recipe.split("RUN npm").next().unwrap();
        let copied = before.contains(" .npmrc ./") || before.contains("COPY . .");
        assert!(copied && recipe.contains("RUN npm"), "{recipe}");
    }
}

#[test]
fn pages_in_php_are_served_from_each_usual_folder() {
    for (path, command) in [
        ("index.php", "exec php-server ."),
        ("public/index.php", "exec php-server public"),
        ("public_html/index.php", "exec php-server public_html"),
    ] {
        for more in [("README.md", ""), ("composer.json", "{}")] {
            let plan = plan_of(&[(path, "<?php echo 1;"), more]);
            assert_eq!((plan.kind, plan.processes["web"].as_str()), (SourceKind::Php, command));
            assert!(plan.reasons.iter().any(|reason| reason.contains("PHP")), "{:?}", plan.reasons);
        }
    }
}

#[test]
fn version_of_php_selects_its_image() {
    for (version, image) in
        [(">=8.1", "php8.2"), ("^8.3", "php8.4"), ("~8.2.0", "php8.2"), ("^7.4|^8.4", "php8.4")]
    {
        let composer = format!("{{\"require\": {{\"php\": \"{version}\"}}}}");
        assert_eq!(plan_of(&[("composer.json", &composer), ("index.php", "")]).base_image(), Some(image));
    }
}

#[test]
fn git_is_installed_before_packages_that_come_from_it() {
    const PYTHON_PROJECT: &str =
        "[project]\nname = \"x\"\ndependencies = [\"pond @ git+https://code.example/pond\"]\n";
    const UV_PROJECT: &str = "[project]\nname = \"x\"\ndependencies = [\"pond\"]\n[tool.uv.sources]\n\
                      pond = { git = \"https://code.example/pond\" }\n";
    const POETRY_PROJECT: &str = "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\n\
                          pond = {git=\"https://code.example/pond\"}\n";
    let package = |version: &str| {
        format!(r#"{{"scripts": {{"start": "x"}}, "dependencies": {{"pond": "{version}"}}}}"#)
    };
    let [scheme, short, hosted] =
        ["git+https://code.example/pond.git", "demo/pond", "github:demo/pond"].map(package);
    for (file, text) in [
        ("requirements.txt", "pond @ git+https://code.example/pond.git@main\n"),
        ("requirements.txt", "flask\n-e git+https://code.example/pond.git#egg=pond\n"),
        ("pyproject.toml", PYTHON_PROJECT),
        ("pyproject.toml", UV_PROJECT),
        ("pyproject.toml", POETRY_PROJECT),
        ("package.json", &scheme),
        ("package.json", &short),
        ("package.json", &hosted),
    ] {
        let recipe = render(&plan_of(&[(file, text), ("Procfile", "web: x\n")]));
        let git = recipe.find("--no-install-recommends git ");
        let install = recipe.find("pip install").or(recipe.find("RUN npm"));
        assert!(git.is_some() && git < install, "{text}: {recipe}");
    }
    let without = render(&plan_of(&[("requirements.txt", "gitpython\n"), ("Procfile", "web: x\n")]));
    assert!(!without.contains("apt-get"), "{without}");
}

#[test]
fn version_of_node_and_python_is_mentioned_wherever_it_is_asked_for() {
    const STARTED_PACKAGE: &str = r#"{"scripts": {"start": "x"}}"#;
    for (files, mentioned) in [
        (&[("package.json", r#"{"engines": {"node": ">=22"}, "scripts": {"start": "x"}}"#)][..], ">=22"),
        (&[("package.json", STARTED_PACKAGE), (".nvmrc", "lts/iron\n")], "lts/iron"),
        (&[("package.json", STARTED_PACKAGE), (".node-version", "21.1\n")], "21.1"),
        (&[("requirements.txt", ""), (".python-version", "3.9\n")], "3.9"),
        (&[("requirements.txt", ""), ("runtime.txt", "python-3.12.1\n")], "python-3.12.1"),
        (&[("pyproject.toml", "[project]\nname = \"x\"\nrequires-python = \">=3.13\"\n")], ">=3.13"),
    ] {
        let reasons = plan_of(files).reasons;
        assert!(reasons.iter().any(|reason| reason.contains(mentioned)), "{mentioned}: {reasons:?}");
    }
}

#[test]
fn printed_containerfile_keeps_the_processes() {
    let files = [
        ("requirements.txt", "flask\ngunicorn\n"),
        ("app.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("frontend/package.json", r#"{"scripts": {"build": "vite build"}}"#),
    ];
    let plan = plan_of(&files);
    let printed = render(&plan);
    let own = plan_build(&source_of(&files).with_file("Containerfile", printed.clone())).unwrap();
    assert_eq!((own.kind, &own.processes), (SourceKind::Containerfile, &plan.processes));
    assert!(own.reasons.iter().any(|reason| reason.contains("org.hearth.processes")), "{:?}", own.reasons);
    let other = printed.lines().filter(|line| !line.starts_with("LABEL")).collect::<Vec<_>>().join("\n");
    let own = plan_build(&source_of(&files).with_file("Containerfile", other)).unwrap();
    assert!(own.processes.is_empty() && own.can_start("web"));
}
