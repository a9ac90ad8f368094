//! `image-inventory layers STORE IMAGE`: prints the folders of an image's layers for an overlay mount.
//! `image-inventory list ROOT [SOURCE]`: prints the packages in a file system.
//! `image-inventory compare ROOT ROOT`: prints the files by which two file systems differ.

use std::{
    env,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use hearth_inventory::{
    WalkLimits, compare_trees, find_layer_folders, list_packages, render_comparison, render_inventory,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let paths: Vec<&Path> = arguments.iter().skip(1).map(Path::new).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let command = arguments.first().and_then(|command| command.to_str()).unwrap_or_default();
    let written = match (command, paths.as_slice()) {
        ("list", [root, source @ ..]) if source.len() <= 1 => {
            let inventory = list_packages(root, source.first().copied(), WalkLimits::default());
            render_inventory(&inventory, &mut out)
        }
        ("layers", [store, image]) => {
            match image.to_str().and_then(|image| find_layer_folders(store, image)) {
                Some(folders) => writeln!(out, "{folders}"),
                None => return ExitCode::FAILURE,
            }
        }
        ("compare", [one, other]) => render_comparison(&compare_trees(one, other), &mut out),
        _ => return ExitCode::from(2),
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
