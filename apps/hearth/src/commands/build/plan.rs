//! `hearth build plan [DIR]`: how a folder would be built, and why. It asks no server.

use std::{collections::BTreeMap, path::PathBuf};

use hearth_base::{Error, Result};
use hearth_plan::{Folder, Kind, Plan};
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// What `hearth build plan` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; absent: this one
    #[arg(default_value = ".", hide_default_value = true)]
    folder: PathBuf,
    /// Print the Containerfile instead
    #[arg(long)]
    containerfile: bool,
}

/// How it would be built.
#[derive(Debug, Serialize, Deserialize)]
struct Planned {
    kind: String,
    base: Option<String>,
    processes: BTreeMap<String, String>,
    because: Vec<String>,
    containerfile: Option<String>,
}

/// Says it.
pub fn run(cx: &Context, args: &Args) -> Result<()> {
    let answer = cx.printer.answer::<Planned>()?;
    let Args { folder, containerfile } = args;
    if !folder.is_dir() {
        return Err(Error::invalid("no-folder", format!("{} is not a folder", folder.display())));
    }
    let plan = hearth_plan::plan(&Folder::at(folder))?;
    let planned = Planned {
        kind: kind(&plan).to_owned(),
        base: plan.base().map(str::to_owned),
        processes: plan.processes.iter().map(|(name, line)| (name.clone(), line.clone())).collect(),
        containerfile: plan.base().map(|base| plan.containerfile(base)).transpose()?.flatten(),
        because: plan.because,
    };
    if *containerfile {
        let Some(text) = &planned.containerfile else {
            return Err(Error::invalid("own-containerfile", "the folder brings its own Containerfile"));
        };
        return answer.verbatim(&planned, text);
    }
    let mut rows = vec![("it is", Cell::from(planned.kind.as_str()))];
    rows.extend(planned.base.as_deref().map(|base| ("built on", Cell::from(base))));
    let processes = planned.processes.iter().map(|(name, line)| format!("{name}: {line}"));
    rows.extend(processes.map(|process| ("process", Cell::from(process))));
    rows.extend(planned.because.iter().map(|sentence| ("because", Cell::from(sentence.as_str()))));
    answer.shown(&planned, &Table::pairs(rows))?;
    cx.printer.next("hearth deploy");
    Ok(())
}

fn kind(plan: &Plan) -> &'static str {
    match plan.kind {
        Kind::Own => "its own Containerfile",
        Kind::Python => "Python",
        Kind::Node => "JavaScript",
        Kind::Static => "static files",
        Kind::Plain => "files and commands",
    }
}
