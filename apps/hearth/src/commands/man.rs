//! `hearth man`: manual pages, rendered from the tree of commands.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::builder::Resettable;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use hearth_base::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{
    command_line::quote_argument, flags::DryRun, io_error::describe_io_error, nearest::find_nearest,
    printer::Printer,
};

/// The arguments of `hearth man`.
#[derive(Debug, clap::Args)]
pub struct PrintManualArgs {
    /// The command; default: hearth itself
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "words")]
    dir: Option<PathBuf>,
    /// Print a table of all commands as Markdown
    #[arg(long, conflicts_with_all = ["words", "dir"])]
    markdown: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The manual page of one command.
#[derive(Debug, Serialize, Deserialize)]
struct ManualPage {
    file: String,
    text: String,
}

/// The result: numbers of pages.
#[derive(Debug, Serialize, Deserialize)]
struct WrittenPages {
    folder: PathBuf,
    pages: usize,
    changed: usize,
}

/// Prints the page of a command, or writes the pages of all commands.
///
/// `full_tree` is the tree of all commands.
pub fn run(printer: &Printer, args: &PrintManualArgs, full_tree: clap::Command) -> Result<()> {
    let PrintManualArgs { words, dir, markdown, dry_run } = args;
    let tree = prepare_tree(full_tree);
    if *markdown {
        let text = render_markdown(&tree);
        return printer
            .open_output::<ManualPage>()?
            .print_text(&ManualPage { file: "commands.md".to_owned(), text: text.clone() }, &text);
    }
    if let Some(folder) = dir {
        return write_pages(printer, &tree, folder, *dry_run);
    }
    let result = printer.open_output::<ManualPage>()?;
    let page = render_page(find_command(&tree, words)?)?;
    result.print_text(&page, &page.text)?;
    if printer.is_stdout_a_terminal() {
        printer.print_next(&format!("{} | man -l -", ["hearth man", &words.join(" ")].join(" ").trim_end()));
    }
    Ok(())
}

/// Prepares the tree for rendering: without closing remarks.
fn prepare_tree(full_tree: clap::Command) -> clap::Command {
    full_tree.after_help(Resettable::Reset).after_long_help(Resettable::Reset)
}

/// Finds the command that the words name.
fn find_command<'a>(tree: &'a clap::Command, words: &[String]) -> Result<&'a clap::Command> {
    let mut command = tree;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            let path = command.get_bin_name().unwrap_or("hearth");
            let near = find_nearest(word, command.get_subcommands().map(clap::Command::get_name));
            let below = path.strip_prefix("hearth").unwrap_or_default();
            let near = near.map(|near| format!("hearth man{below} {near}"));
            Error::invalid("no-such-command", format!("there is no command {path} {word:.60}"))
                .help(near.unwrap_or_else(|| format!("{path} -h")))
        })?;
    }
    Ok(command)
}

fn render_page(command: &clap::Command) -> Result<ManualPage> {
    // The version replaces the date, because clap_mangen treats an empty date as absent.
    let version = concat!("hearth ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).date(version).source("Hearth");
    let mut text = Vec::new();
    man.render(&mut text).map_err(Error::internal)?;
    let mut sections = Roff::new();
    if let Some(example) = command.get_before_help().map(ToString::to_string) {
        let line = example.strip_prefix("Example: ").unwrap_or(&example);
        sections.control("SH", ["EXAMPLE"]).text([bold(line)]);
    }
    if command.get_name() == "hearth" {
        sections.control("SH", ["ENVIRONMENT"]);
        sections.text([bold("HEARTH_SERVER"), roman(", "), bold("HEARTH_TOKEN"), roman(", ")]);
        sections.text([bold("HEARTH_TOOL"), roman(", "), bold("NO_COLOR"), roman(", "), bold("CI")]);
    } else {
        sections.control("SH", ["SEE ALSO"]).text([bold("hearth"), roman("(1)")]);
    }
    let text = String::from_utf8_lossy(&text).into_owned() + &sections.to_roff();
    Ok(ManualPage { file: man.get_filename(), text })
}

/// Renders all commands as a Markdown page.
fn render_markdown(tree: &clap::Command) -> String {
    let mut text = String::from(
        "# All commands\n\n`cargo xtask spec` generates this page from the commands. \
         [The command line](cli.md) explains them.\n\n| command | purpose | example |\n|---|---|---|\n",
    );
    push_command_rows(tree, &mut text);
    text
}

/// Adds a row for each command below `command` that can be run.
fn push_command_rows(command: &clap::Command, text: &mut String) {
    if command.has_subcommands() {
        return command.get_subcommands().for_each(|below| push_command_rows(below, text));
    }
    let name = command.get_bin_name().unwrap_or_default();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let example = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    let cells = [format!("`{name}`"), about, format!("`{}`", example.trim_start_matches("Example: "))];
    text.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
}

/// Renders the pages of a command and of all commands below it.
fn render_pages(command: &clap::Command) -> Result<Vec<ManualPage>> {
    let mut found = vec![render_page(command)?];
    for below in command.get_subcommands() {
        found.extend(render_pages(below)?);
    }
    Ok(found)
}

fn write_pages(printer: &Printer, tree: &clap::Command, folder: &Path, dry_run: DryRun) -> Result<()> {
    let result = printer.open_output::<WrittenPages>()?;
    let refused = |cause: io::Error| {
        Error::invalid(
            "man-folder",
            format!("{} cannot be written to: {}", folder.display(), describe_io_error(&cause)),
        )
        .help("hearth man --dir FOLDER")
    };
    let all = render_pages(tree)?;
    let differs =
        |page: &&ManualPage| !fs::read(folder.join(&page.file)).is_ok_and(|old| old == page.text.as_bytes());
    let changed: Vec<&ManualPage> = all.iter().filter(differs).collect();
    let place = folder.display().to_string();
    let written = WrittenPages { folder: folder.to_owned(), pages: all.len(), changed: changed.len() };
    if changed.is_empty() {
        return result
            .print_sentence(&written, &format!("nothing to change: all {} pages are in {place}", all.len()));
    }
    if dry_run.dry_run {
        let sentence = format!("would write {} pages into {place}, such as hearth.1", changed.len());
        return result.print_sentence(&WrittenPages { changed: 0, ..written }, &sentence);
    }
    fs::create_dir_all(folder).map_err(refused)?;
    for ManualPage { file, text } in changed {
        fs::write(folder.join(file), text).map_err(refused)?;
    }
    result.print_done(
        &written,
        &format!("{} of {} pages are written into {place}", written.changed, written.pages),
    )?;
    let page = folder.join("hearth.1").display().to_string();
    printer.print_next(&format!("man -l {}", quote_argument(&page)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_page_of_each_command_names_its_arguments() -> Result<()> {
        fn check_page(command: &clap::Command) -> Result<usize> {
            let ManualPage { file, text } = render_page(command)?;
            let path = command.get_bin_name().unwrap_or("hearth");
            assert_eq!(file, format!("{}.1", path.replace(' ', "-")));
            let title = format!(".TH {} 1 ", path.replace(' ', "-"));
            assert!(text.lines().any(|line| line.starts_with(&title)), "{path}\n{text}");
            for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH EXAMPLE"] {
                assert!(text.lines().any(|line| line == section), "{path}: {section}\n{text}");
            }
            let plain = text.replace(r"\*(Aq", "'").replace('\\', "");
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let flag = arg.get_long().map(|long| format!("--{long}"));
                let name = flag.or_else(|| Some(arg.get_value_names()?.join(" ")));
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                for text in [name.unwrap_or_default(), help] {
                    assert!(plain.contains(&text), "{path}: {text}\n{plain}");
                }
            }
            let mut count = 1;
            for below in command.get_subcommands() {
                assert!(plain.contains(&format!("{}-{}(1)", path.replace(' ', "-"), below.get_name())));
                count += check_page(below)?;
            }
            Ok(count)
        }
        let tree = prepare_tree(crate::cli::build_full_tree());
        let count = check_page(&tree)?;
        assert_eq!(render_pages(&tree)?.len(), count);
        assert!(count > 50, "{count}");
        Ok(())
    }
}
