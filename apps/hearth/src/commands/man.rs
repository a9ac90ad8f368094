//! `hearth man`: manual pages, made of the same tree of commands that parses and helps.

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

use crate::{flags::DryRun, nearest::nearest, printer::Printer, trouble::why, words::quoted};

/// What `hearth man` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command; absent: hearth itself
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

/// The page of one command.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    file: String,
    text: String,
}

/// What was written.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    folder: PathBuf,
    pages: usize,
    changed: usize,
}

/// Prints the page of a command, or writes those of all.
///
/// `whole` is the tree of all commands.
pub fn run(printer: &Printer, args: &Args, whole: clap::Command) -> Result<()> {
    let Args { words, dir, markdown, dry_run } = args;
    let tree = prepared(whole);
    if *markdown {
        let text = table(&tree);
        return printer
            .answer::<Page>()?
            .verbatim(&Page { file: "commands.md".to_owned(), text: text.clone() }, &text);
    }
    if let Some(folder) = dir {
        return write(printer, &tree, folder, *dry_run);
    }
    let answer = printer.answer::<Page>()?;
    let page = page(find(&tree, words)?)?;
    answer.verbatim(&page, &page.text)?;
    if printer.shows_results() {
        printer.next(&format!("{} | man -l -", ["hearth man", &words.join(" ")].join(" ").trim_end()));
    }
    Ok(())
}

/// All commands, none of them a stand-in for another's help.
fn prepared(whole: clap::Command) -> clap::Command {
    let mut tree =
        whole.disable_help_subcommand(true).after_help(Resettable::Reset).after_long_help(Resettable::Reset);
    tree.build();
    tree
}

/// The command that the words lead to.
fn find<'a>(tree: &'a clap::Command, words: &[String]) -> Result<&'a clap::Command> {
    let mut command = tree;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            let path = command.get_bin_name().unwrap_or("hearth");
            let near = nearest(word, command.get_subcommands().map(clap::Command::get_name));
            let below = path.strip_prefix("hearth").unwrap_or_default();
            let near = near.map(|near| format!("hearth man{below} {near}"));
            Error::invalid("no-such-command", format!("there is no command {path} {word:.60}"))
                .help(near.unwrap_or_else(|| format!("{path} -h")))
        })?;
    }
    Ok(command)
}

fn page(command: &clap::Command) -> Result<Page> {
    // The version stands where others have a date: an empty date would be read as none at all.
    let version = concat!("hearth ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).date(version).source("Hearth");
    let mut text = Vec::new();
    man.render(&mut text).map_err(Error::internal)?;
    let mut more = Roff::new();
    if let Some(example) = command.get_before_help().map(ToString::to_string) {
        let line = example.strip_prefix("Example: ").unwrap_or(&example);
        more.control("SH", ["EXAMPLE"]).text([bold(line)]);
    }
    if command.get_name() == "hearth" {
        more.control("SH", ["ENVIRONMENT"]);
        more.text([bold("HEARTH_SERVER"), roman(", "), bold("HEARTH_TOKEN"), roman(", ")]);
        more.text([bold("HEARTH_TOOL"), roman(", "), bold("NO_COLOR"), roman(", "), bold("CI")]);
    } else {
        more.control("SH", ["SEE ALSO"]).text([bold("hearth"), roman("(1)")]);
    }
    let text = String::from_utf8_lossy(&text).into_owned() + &more.to_roff();
    Ok(Page { file: man.get_filename(), text })
}

/// All commands as a page in Markdown.
fn table(tree: &clap::Command) -> String {
    let mut text = String::from(
        "# All commands\n\nThis page is written by `cargo xtask spec` from the commands themselves. \
         [The command line](cli.md) explains them.\n\n| command | what it does | example |\n|---|---|---|\n",
    );
    rows(tree, &mut text);
    text
}

/// A row for each command that does something.
fn rows(command: &clap::Command, text: &mut String) {
    if command.has_subcommands() {
        return command.get_subcommands().for_each(|below| rows(below, text));
    }
    let name = command.get_bin_name().unwrap_or_default();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let example = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    let cells = [format!("`{name}`"), about, format!("`{}`", example.trim_start_matches("Example: "))];
    text.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
}

/// The pages of a command and of all below it.
fn pages(command: &clap::Command) -> Result<Vec<Page>> {
    let mut found = vec![page(command)?];
    for below in command.get_subcommands() {
        found.extend(pages(below)?);
    }
    Ok(found)
}

fn write(printer: &Printer, tree: &clap::Command, folder: &Path, dry_run: DryRun) -> Result<()> {
    let answer = printer.answer::<Written>()?;
    let refused = |cause: io::Error| {
        Error::invalid("man-folder", format!("{} cannot be written to: {}", folder.display(), why(&cause)))
            .help("hearth man --dir FOLDER")
    };
    let all = pages(tree)?;
    let differs =
        |page: &&Page| !fs::read(folder.join(&page.file)).is_ok_and(|old| old == page.text.as_bytes());
    let changed: Vec<&Page> = all.iter().filter(differs).collect();
    let place = folder.display().to_string();
    let written = Written { folder: folder.to_owned(), pages: all.len(), changed: changed.len() };
    if changed.is_empty() {
        return answer.said(&written, &format!("nothing to change: all {} pages are in {place}", all.len()));
    }
    if dry_run.dry_run {
        let sentence = format!("would write {} pages into {place}, hearth.1 and so on", changed.len());
        return answer.said(&Written { changed: 0, ..written }, &sentence);
    }
    fs::create_dir_all(folder).map_err(refused)?;
    for Page { file, text } in changed {
        fs::write(folder.join(file), text).map_err(refused)?;
    }
    answer.done(
        &written,
        &format!("{} of {} pages are written into {place}", written.changed, written.pages),
    )?;
    let page = folder.join("hearth.1").display().to_string();
    printer.next(&format!("man -l {}", quoted(&page)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_that_names_what_it_takes() -> Result<()> {
        fn check(command: &clap::Command) -> Result<usize> {
            let Page { file, text } = page(command)?;
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
                let named = flag.or_else(|| Some(arg.get_value_names()?.join(" ")));
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                for said in [named.unwrap_or_default(), help] {
                    assert!(plain.contains(&said), "{path}: {said}\n{plain}");
                }
            }
            let mut count = 1;
            for below in command.get_subcommands() {
                assert!(plain.contains(&format!("{}-{}(1)", path.replace(' ', "-"), below.get_name())));
                count += check(below)?;
            }
            Ok(count)
        }
        let tree = prepared(crate::cli::whole());
        let count = check(&tree)?;
        assert_eq!(pages(&tree)?.len(), count);
        assert!(count > 50, "{count}");
        Ok(())
    }
}
