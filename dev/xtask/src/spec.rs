//! `cargo xtask spec`: the API's documents, one merged and one for each service, and the pages of all settings and commands, as
//! the programs print them without a database. They are committed, so that a change is seen in review.

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
/// The pages that a program prints: where each is, from the root, and the words that make it.
const PAGES: [(&str, &str, &[&str]); 2] = [
    ("docs/configuration.md", "hearthd", &["settings"]),
    ("docs/commands.md", "hearth", &["man", "--markdown"]),
];

#[derive(Args)]
pub struct Spec {
    /// Change nothing; fail if a document is not what hearthd prints
    #[arg(long)]
    check: bool,
}

/// Writes or checks every document.
pub fn run(spec: &Spec, report: &mut Report) -> Result<Verdict, Trouble> {
    let workspace = Workspace::read()?;
    let programs = build(&workspace)?;
    let services = Role::ALL.iter().map(|role| Some(role.name()));
    let documents = std::iter::once(None).chain(services).map(|service| {
        let arguments = std::iter::once("openapi").chain(service).collect();
        (format!("{FOLDER}/{}.json", service.unwrap_or("openapi")), "hearthd", arguments)
    });
    let pages = PAGES.map(|(name, program, arguments)| (name.to_owned(), program, arguments.to_vec()));
    let mut verdict = Verdict::Good;
    for (name, program, arguments) in documents.chain(pages) {
        let path = workspace.root.join(&name);
        let document = print(&programs.join(program), &arguments)?;
        if fs::read_to_string(&path).is_ok_and(|there| there == document) {
            continue;
        }
        if spec.check {
            report.line(&format_args!("{name} is not what {program} prints: run cargo xtask spec"));
            verdict = Verdict::Bad;
        } else {
            write(&path, &document)?;
            report.line(&format_args!("wrote {name}"));
        }
    }
    Ok(verdict)
}

/// Builds all programs as the tests do, and says where they are: choosing one package alone, or leaving the tests out, would build its dependencies
/// once more, with other features.
fn build(workspace: &Workspace) -> Result<PathBuf, Trouble> {
    let built = cargo(workspace)
        .args(["build", "--quiet", "--workspace", "--all-targets"])
        .status()
        .map_err(|error| Trouble::new(format!("cargo cannot be run: {error}"), "install Rust with rustup"))?;
    if !built.success() {
        return Err(Trouble::new("the programs do not build", "the compiler's words are above"));
    }
    Ok(workspace.target.join("debug"))
}

fn print(program: &Path, arguments: &[&str]) -> Result<String, Trouble> {
    let printed =
        Command::new(program).args(arguments).stderr(Stdio::inherit()).output().map_err(|error| {
            Trouble::new(format!("{} cannot be run: {error}", program.display()), "build it: cargo build")
        })?;
    if !printed.status.success() {
        return Err(Trouble::new(
            format!("{} did not print a document", program.display()),
            "its own words are above",
        ));
    }
    String::from_utf8(printed.stdout)
        .map_err(|_| Trouble::new("the document is no text", "look at what the program prints"))
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
