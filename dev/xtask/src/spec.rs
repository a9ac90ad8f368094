//! `cargo xtask spec`: the API's documents, one merged and one for each service, and the page of all settings, as hearthd
//! prints them without a database. They are committed, so that a change is seen in review.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use hearth_base::Role;

use crate::{Verdict, cargo::cargo, report::Report, trouble::Trouble, workspace::Workspace};

/// Where the API's documents are, from the root.
const FOLDER: &str = "api";
/// Where the page of all settings is, from the root.
const SETTINGS: &str = "docs/configuration.md";

#[derive(Args)]
pub struct Spec {
    /// Change nothing; fail if a document is not what hearthd prints
    #[arg(long)]
    check: bool,
}

/// Writes or checks every document.
pub fn run(spec: &Spec, report: &mut Report) -> Result<Verdict, Trouble> {
    let workspace = Workspace::read()?;
    let hearthd = build(&workspace)?;
    let services = Role::ALL.iter().map(|role| Some(role.name()));
    let documents = std::iter::once(None).chain(services).map(|service| {
        let arguments = std::iter::once("openapi").chain(service).collect();
        (format!("{FOLDER}/{}.json", service.unwrap_or("openapi")), arguments)
    });
    let mut verdict = Verdict::Good;
    for (name, arguments) in documents.chain([(SETTINGS.to_owned(), vec!["settings"])]) {
        let path = workspace.root.join(&name);
        let document = print(&hearthd, &arguments)?;
        if fs::read_to_string(&path).is_ok_and(|there| there == document) {
            continue;
        }
        if spec.check {
            report.line(&format_args!("{name} is not what hearthd prints: run cargo xtask spec"));
            verdict = Verdict::Bad;
        } else {
            write(&path, &document)?;
            report.line(&format_args!("wrote {name}"));
        }
    }
    Ok(verdict)
}

/// Builds hearthd as the tests do: choosing one package alone, or leaving the tests out, would build its dependencies
/// once more, with other features.
fn build(workspace: &Workspace) -> Result<PathBuf, Trouble> {
    let built = cargo(workspace)
        .args(["build", "--quiet", "--workspace", "--all-targets"])
        .status()
        .map_err(|error| Trouble::new(format!("cargo cannot be run: {error}"), "install Rust with rustup"))?;
    if !built.success() {
        return Err(Trouble::new("hearthd does not build", "the compiler's words are above"));
    }
    Ok(workspace.target.join("debug/hearthd"))
}

fn print(hearthd: &Path, arguments: &[&str]) -> Result<String, Trouble> {
    let printed =
        Command::new(hearthd).args(arguments).stderr(Stdio::inherit()).output().map_err(|error| {
            Trouble::new(format!("{} cannot be run: {error}", hearthd.display()), "build it: cargo build")
        })?;
    if !printed.status.success() {
        return Err(Trouble::new("hearthd did not print a document", "its own words are above"));
    }
    String::from_utf8(printed.stdout)
        .map_err(|_| Trouble::new("the document is no text", "look at hearthd openapi and hearthd settings"))
}

fn write(path: &Path, document: &str) -> Result<(), Trouble> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, document));
    written.map_err(|error| {
        Trouble::new(
            format!("{} cannot be written: {error}", path.display()),
            "check the folder's permissions",
        )
    })
}
