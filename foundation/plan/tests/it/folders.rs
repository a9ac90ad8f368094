//! Sample folders: what is found in each, and the Containerfile that it gives.

use hearth_plan::{Folder, InMemory, Kind, Source, plan};

use crate::told;

macro_rules! folders {
    ($($name:ident: $source:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(told(&$source));
        }
    )*};
}

folders! {
    python_with_requirements: InMemory::new()
        .with("requirements.txt", "flask==3.0.0\ngunicorn\n")
        .with("app.py", "")
        .with("Procfile", "web: gunicorn app:app --bind 0.0.0.0:${PORT:-8000}\nworker: python3 work.py\n");
    python_whose_requirements_refer_to_files: InMemory::new()
        .with("requirements.txt", "-r base.txt\n-e .\n").with("base.txt", "flask");
    python_project: InMemory::new().with("pyproject.toml", "[project]\nname = \"x\"\nversion = \"1\"\n");
    python_with_only_settings_of_tools: InMemory::new().with("pyproject.toml", "[tool.black]\n");
    python_beside_node: InMemory::new()
        .with("requirements.txt", "").with("package.json", "{}").with("Pipfile", "").with("runtime.txt", "python-3.9\n");
    node_with_a_lock: InMemory::new()
        .with("package.json", r#"{"scripts": {"start": "node server.js"}, "dependencies": {"express": "~4.18"}}"#)
        .with("package-lock.json", "{}");
    node_with_a_build: InMemory::new()
        .with("package.json", r#"{"scripts": {"start": "serve dist", "build": "vite build"}}"#)
        .with("yarn.lock", "");
    node_that_needs_its_files: InMemory::new()
        .with("package.json", r#"{"scripts": {"postinstall": "node x.js"}, "dependencies": {"x": "file:./x"}}"#);
    node_with_only_a_server: InMemory::new().with("package.json", "{}").with("server.js", "");
    node_that_cannot_be_read: InMemory::new().with("package.json", "{");
    static_files: InMemory::new().with("index.html", "<h1>hello</h1>").with("style.css", "");
    static_files_in_public: InMemory::new().with("public/index.html", "").with("index.html", "");
    only_a_procfile: InMemory::new().with("Procfile", "web: ./serve\n").with("serve", "#!/bin/sh\n");
    own_containerfile: InMemory::new().with("Containerfile", "FROM x\n").with("Dockerfile", "FROM y\n");
    own_dockerfile_and_procfile: InMemory::new().with("Dockerfile", "FROM y\n").with("Procfile", "web: ./x\n");
    nothing_at_all: InMemory::new();
    another_language: InMemory::new().with("go.mod", "").with("main.go", "").with("README.md", "");
    python_without_requirements: InMemory::new().with("app.py", "");
    a_wrong_procfile: InMemory::new().with("requirements.txt", "").with("Procfile", "web: a\nweb: b\n\nrun\n");
}

#[test]
fn a_folder_on_the_disk_is_seen_without_its_links() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "x").unwrap();
    std::fs::write(folder.path().join("elsewhere"), "web: x\n").unwrap();
    std::os::unix::fs::symlink("elsewhere", folder.path().join("Procfile")).unwrap();
    let source = Folder::at(folder.path());
    let found = plan(&source).unwrap();
    assert_eq!(found.kind, Kind::Static);
    assert!(found.processes["web"].contains("http.server"));
    assert_eq!(source.list().unwrap(), ["Procfile", "elsewhere", "index.html"]);
}
