//! Plans and Containerfiles of sample folders.

use hearth_plan::{InMemorySource, SourceFolder, SourceKind, SourceTree, plan_build};

use crate::render_plan;

macro_rules! folders {
    ($($name:ident: $source:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(render_plan(&$source));
        }
    )*};
}

folders! {
    python_with_requirements: InMemorySource::new()
        .with_file("requirements.txt", "flask==3.0.0\ngunicorn\n")
        .with_file("app.py", "")
        .with_file("Procfile", "web: gunicorn app:app --bind 0.0.0.0:${PORT:-8000}\nworker: python3 work.py\n");
    python_with_requirements_that_refer_to_files: InMemorySource::new()
        .with_file("requirements.txt", "-r base.txt\n-e .\n").with_file("base.txt", "flask");
    python_project: InMemorySource::new().with_file("pyproject.toml", "[project]\nname = \"x\"\nversion = \"1\"\n");
    python_with_only_settings_of_tools: InMemorySource::new().with_file("pyproject.toml", "[tool.black]\n");
    python_beside_node: InMemorySource::new()
        .with_file("requirements.txt", "").with_file("package.json", "{}").with_file("Pipfile", "").with_file("runtime.txt", "python-3.9\n");
    node_with_a_lock: InMemorySource::new()
        .with_file("package.json", r#"{"scripts": {"start": "node server.js"}, "dependencies": {"express": "~4.18"}}"#)
        .with_file("package-lock.json", "{}");
    node_with_a_build: InMemorySource::new()
        .with_file("package.json", r#"{"scripts": {"start": "serve dist", "build": "vite build"}}"#)
        .with_file("yarn.lock", "");
    node_that_needs_its_files: InMemorySource::new()
        .with_file("package.json", r#"{"scripts": {"postinstall": "node x.js"}, "dependencies": {"x": "file:./x"}}"#);
    node_with_only_a_server: InMemorySource::new().with_file("package.json", "{}").with_file("server.js", "");
    node_that_cannot_be_read: InMemorySource::new().with_file("package.json", "{");
    static_files: InMemorySource::new().with_file("index.html", "<h1>hello</h1>").with_file("style.css", "");
    static_files_in_public: InMemorySource::new().with_file("public/index.html", "").with_file("index.html", "");
    only_a_procfile: InMemorySource::new().with_file("Procfile", "web: ./serve\n").with_file("serve", "#!/bin/sh\n");
    own_containerfile: InMemorySource::new().with_file("Containerfile", "FROM x\n").with_file("Dockerfile", "FROM y\n");
    own_dockerfile_and_procfile: InMemorySource::new().with_file("Dockerfile", "FROM y\n").with_file("Procfile", "web: ./x\n");
    nothing_at_all: InMemorySource::new();
    another_language: InMemorySource::new().with_file("mix.exs", "").with_file("README.md", "");
    python_without_requirements: InMemorySource::new().with_file("app.py", "");
    a_wrong_procfile: InMemorySource::new().with_file("requirements.txt", "").with_file("Procfile", "web: a\nweb: b\n\nrun\n");
}

#[test]
fn manifest_that_leads_out_of_a_folder_on_disk_is_ignored() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("index.html"), "x").unwrap();
    std::fs::write(elsewhere.path().join("Procfile"), "web: x\n").unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("Procfile"), folder.path().join("Procfile")).unwrap();
    let source = SourceFolder::new(folder.path());
    let found = plan_build(&source).unwrap();
    assert_eq!(found.kind, SourceKind::StaticFiles);
    assert!(found.processes["web"].contains("static-server"));
    assert_eq!(source.list().unwrap(), ["Procfile", "index.html"]);
}
