//! `cargo xtask spec`: writes the OpenAPI documents, one for the whole API and one for each service, and the reference pages
//! of settings and commands. The programs print them without a database. They are committed, so that reviews show changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use hearth_base::Role;

use crate::{
    Verdict, cargo::cargo_command, command_error::CommandError, report::Report, workspace::Workspace,
};

/// The folder of the OpenAPI documents, from the root.
const API_FOLDER: &str = "api";
/// Pages that a program prints: path from the root, program, arguments.
const PRINTED_PAGES: [(&str, &str, &[&str]); 2] = [
    ("docs/configuration.md", "hearthd", &["settings"]),
    ("docs/commands.md", "hearth", &["man", "--markdown"]),
];

#[derive(Args)]
pub struct SpecArgs {
    /// Change nothing; fail if a document is not what hearthd prints
    #[arg(long)]
    check: bool,
}

/// Writes or checks every document.
pub fn run(spec: &SpecArgs, report: &mut Report) -> Result<Verdict, CommandError> {
    let workspace = Workspace::read()?;
    let programs = build_programs(&workspace)?;
    let services = Role::ALL.iter().map(|role| Some(role.name()));
    let documents = std::iter::once(None).chain(services).map(|service| {
        let arguments = std::iter::once("openapi").chain(service).collect();
        (format!("{API_FOLDER}/{}.json", service.unwrap_or("openapi")), "hearthd", arguments)
    });
    let pages =
        PRINTED_PAGES.map(|(name, program, arguments)| (name.to_owned(), program, arguments.to_vec()));
    let mut verdict = Verdict::Good;
    for (name, program, arguments) in documents.chain(pages) {
        let path = workspace.root.join(&name);
        let document = run_printing_program(&programs.join(program), &arguments)?;
        if fs::read_to_string(&path).is_ok_and(|there| there == document) {
            continue;
        }
        if spec.check {
            report.print_line(&format_args!("{name} is not what {program} prints: run cargo xtask spec"));
            verdict = Verdict::Bad;
        } else {
            write_document(&path, &document)?;
            report.print_line(&format_args!("wrote {name}"));
        }
    }
    Ok(verdict)
}

/// Builds all programs as the tests do and returns their folder. Building one package alone, or without tests, would build
/// its dependencies once more with other features.
fn build_programs(workspace: &Workspace) -> Result<PathBuf, CommandError> {
    let built = cargo_command(workspace)
        .args(["build", "--quiet", "--workspace", "--all-targets"])
        .status()
        .map_err(|error| {
            CommandError::new(format!("cargo cannot be run: {error}"), "install Rust with rustup")
        })?;
    if !built.success() {
        return Err(CommandError::new("the programs do not build", "the compiler's messages are above"));
    }
    Ok(workspace.target.join("debug"))
}

fn run_printing_program(program: &Path, arguments: &[&str]) -> Result<String, CommandError> {
    let printed =
        Command::new(program).args(arguments).stderr(Stdio::inherit()).output().map_err(|error| {
            CommandError::new(
                format!("{} cannot be run: {error}", program.display()),
                "build it: cargo build",
            )
        })?;
    if !printed.status.success() {
        return Err(CommandError::new(
            format!("{} did not print a document", program.display()),
            "its messages are above",
        ));
    }
    String::from_utf8(printed.stdout)
        .map_err(|_| CommandError::new("the document is not UTF-8", "run the program and read its output"))
}

fn write_document(path: &Path, document: &str) -> Result<(), CommandError> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, document));
    written.map_err(|error| {
        CommandError::new(
            format!("{} cannot be written: {error}", path.display()),
            "check the folder's permissions",
        )
    })
}
