//! Interactive runs in real containers.

use std::io::{self, Read, Write};

use hearth_base::{Error, Result};
use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};

use crate::site::start_site;

#[tokio::test]
async fn interactive_run_receives_terminal_input_and_leaves_no_job() -> Result<()> {
    let (hearth, _, cli) = start_site().await?;
    let run = ["jobs", "run", "--tool", "site", "--image", "bookworm", "--rm"];

    let greet = ["-i", "--command", "read name; echo \"hello $name\"; exit 3"];
    let printed = cli.run_with_input(&[&run[..], &greet].concat(), "you\n").await?;
    assert_eq!((printed.status, printed.out.as_str()), (Some(3), "hello you\n"), "{printed:?}");

    let mut command = cli.build_command(&[&run[..], &["-it"]].concat())?.into_std();
    command.env("TERM", "screen");
    let terminal = tokio::task::spawn_blocking(|| run_in_terminal(command)).await.map_err(Error::internal)?;
    let (status, output) = terminal.map_err(Error::internal)?;
    assert_eq!(status, Some(6), "{output}");
    assert!(output.contains("24 80") && output.contains("50 132"), "terminal size is wrong: {output}");
    assert!(output.contains("term-screen"), "{output}");

    let shell = ["webservice", "bookworm", "shell", "--tool", "site"];
    // A login shell would reset the PATH of the image.
    let typed = "echo from a shell; shopt -q login_shell && echo login; exit 5\n";
    let printed = cli.run_with_input(&shell, typed).await?;
    assert_eq!((printed.status, printed.out.as_str()), (Some(5), "from a shell\n"), "{printed:?}");

    let one_off = cli.run(&[&run[..], &["once", "--command", "echo some output; exit 4"]].concat()).await?;
    assert!(one_off.out.contains("some output") && one_off.err.contains("status 4"), "{one_off:?}");
    assert_eq!(one_off.status, Some(4));

    let remaining = cli.run_successfully(&["jobs", "list", "--tool", "site", "--json"]).await?;
    assert!(!remaining.contains("shell-") && !remaining.contains("once"), "{remaining}");
    hearth.stop().await
}

/// Runs a command in a terminal of 80 columns, enlarges the terminal, and exits. Returns the exit status and
/// the output.
fn run_in_terminal(command: std::process::Command) -> io::Result<(Option<i32>, String)> {
    let (mut pty, program_side) = open().map_err(io::Error::other)?;
    let resize = |pty: &Pty, rows, columns| pty.resize(Size::new(rows, columns)).map_err(io::Error::other);
    resize(&pty, 24, 80)?;
    let mut child = Command::from(command).spawn(program_side).map_err(io::Error::other)?;
    let mut output = String::new();
    pty.write_all(b"stty size; echo size-$((1+1))\n")?;
    read_until(&mut pty, &mut output, "size-2")?;
    resize(&pty, 50, 132)?;
    pty.write_all(b"stty size; echo size-$((2+2))\n")?;
    read_until(&mut pty, &mut output, "size-4")?;
    pty.write_all(b"echo term-$TERM; echo done-$((3+3))\n")?;
    read_until(&mut pty, &mut output, "done-6")?;
    pty.write_all(b"exit 6\n")?;
    // The terminal closes when the program ends.
    let _ended = read_until(&mut pty, &mut output, "\0");
    Ok((child.wait()?.code(), output))
}

fn read_until(pty: &mut Pty, output: &mut String, text: &str) -> io::Result<()> {
    let mut piece = [0; 4096];
    while !output.contains(text) {
        let length = pty.read(&mut piece)?;
        if length == 0 {
            return Err(io::Error::other(format!("terminal output does not contain {text:?}: {output}")));
        }
        output.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    Ok(())
}
