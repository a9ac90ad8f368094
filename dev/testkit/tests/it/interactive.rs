//! Programs with what is typed, in real containers of their own.

use std::io::{self, Read, Write};

use hearth_base::{Error, Result};
use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};

use crate::site::site;

#[tokio::test]
async fn a_program_runs_with_what_is_typed_and_nothing_is_left() -> Result<()> {
    let (hearth, _, keyboard) = site().await?;
    let run = ["jobs", "run", "--tool", "site", "--image", "bookworm", "--rm"];

    let greet = ["-i", "--command", "read name; echo \"hello $name\"; exit 3"];
    let given = keyboard.given(&[&run[..], &greet].concat(), "you\n").await?;
    assert_eq!((given.status, given.out.as_str()), (Some(3), "hello you\n"), "{given:?}");

    let command = keyboard.command(&[&run[..], &["-it"]].concat())?.into_std();
    let sat = tokio::task::spawn_blocking(|| sit(command)).await.map_err(Error::internal)?;
    let (status, seen) = sat.map_err(Error::internal)?;
    assert_eq!(status, Some(6), "{seen}");
    assert!(seen.contains("24 80") && seen.contains("50 132"), "the terminal has its size: {seen}");

    let shell = ["webservice", "bookworm", "shell", "--tool", "site"];
    let given = keyboard.given(&shell, "echo from a shell; exit 5\n").await?;
    assert_eq!((given.status, given.out.as_str()), (Some(5), "from a shell\n"), "{given:?}");

    let passing =
        keyboard.types(&[&run[..], &["once", "--command", "echo some output; exit 4"]].concat()).await?;
    assert!(passing.out.contains("some output") && passing.err.contains("status 4"), "{passing:?}");
    assert_eq!(passing.status, Some(1));

    let left = keyboard.done(&["jobs", "list", "--tool", "site", "--json"]).await?;
    assert!(!left.contains("shell-") && !left.contains("once"), "{left}");
    hearth.stop().await
}

/// Sits at a terminal of 80 columns, makes it larger, and leaves.
fn sit(command: std::process::Command) -> io::Result<(Option<i32>, String)> {
    let (mut pty, program_side) = open().map_err(io::Error::other)?;
    let resize = |pty: &Pty, rows, columns| pty.resize(Size::new(rows, columns)).map_err(io::Error::other);
    resize(&pty, 24, 80)?;
    let mut child = Command::from(command).spawn(program_side).map_err(io::Error::other)?;
    let mut seen = String::new();
    pty.write_all(b"stty size; echo size-$((1+1))\n")?;
    until(&mut pty, &mut seen, "size-2")?;
    resize(&pty, 50, 132)?;
    pty.write_all(b"stty size; echo size-$((2+2))\n")?;
    until(&mut pty, &mut seen, "size-4")?;
    pty.write_all(b"exit 6\n")?;
    // The end of the program is the end of its terminal.
    let _ended = until(&mut pty, &mut seen, "\0");
    Ok((child.wait()?.code(), seen))
}

fn until(pty: &mut Pty, seen: &mut String, text: &str) -> io::Result<()> {
    let mut piece = [0; 4096];
    while !seen.contains(text) {
        let length = pty.read(&mut piece)?;
        if length == 0 {
            return Err(io::Error::other(format!("{text:?} was not seen, but {seen}")));
        }
        seen.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    Ok(())
}
