//! Help: an example first, 24 lines at most, and what is on the search path.

use crate::home::Home;

#[test]
fn the_help_of_the_program_starts_with_an_example() {
    insta::assert_snapshot!(Home::new().says(&["-h"]), @"
    out| Example: hearth deploy
    out|
    out| Build, run, share and find tools
    out|
    out| Commands:
    out|   up       Start a Hearth on this machine, in the background
    out|   login    Sign in, or come in with a code
    out|   new      Make a tool and link this folder to it
    out|   deploy   Build, run and publish this folder
    out|   open     Open a tool's page
    out|   status   Say which server and tool, and where each setting comes from; or how a tool is
    out|   logs     Print what a job wrote
    out|   jobs     What runs: jobs, once, by the clock, or for ever
    out|   exec     Run a program, or a shell, where a job runs
    out|   envvars  Variables that every run has
    out|   notify   Mail about what becomes of jobs
    out|   build    Images from sources
    out|   tool     Tools, their people, their end
    out|   help     Print this message or the help of the given subcommand(s)
    out|
    out| Also: admin, webhooks, webservice, whoami, logout, down, completion, man.
    out| hearth alone says where you are and what to do next. COMMAND -h shows an example.
    out| Everywhere: --server --tool --json[=FIELDS] --yes --color --quiet; see hearth --help.
    ends with 0
    ");
}

#[test]
fn the_help_of_a_command_names_what_it_takes() {
    insta::assert_snapshot!(Home::new().says(&["login", "-h"]), @"
    out| Example: hearth login https://hearth.example.org
    out|
    out| Sign in, or come in with a code
    out|
    out| Usage: hearth login [OPTIONS] [ADDRESS]
    out|
    out| Arguments:
    out|   [ADDRESS]  The server; absent: the current one, or http://localhost:8080
    out|
    out| Options:
    out|       --name <NAME>     Sign in as this user; absent: asked
    out|       --code <CODE>     Come in with a set-up code or an invitation, and choose name and password
    out|       --password-stdin  Read the password from standard input
    out|       --token-stdin     Read a token from standard input instead of signing in
    out|       --dry-run         Only say what would be done
    out|
    out| All flags: --help
    ends with 0
    ");
}

#[test]
fn a_group_of_commands_named_alone_shows_its_help_and_does_nothing() {
    insta::assert_snapshot!(Home::new().says(&["tool"]), @"
    err| Example: hearth tool list
    err|
    err| Tools, their people, their end
    err|
    err| Usage: hearth tool [OPTIONS] <COMMAND>
    err|
    err| Commands:
    err|   list        List your tools
    err|   show        Show a tool and its people
    err|   delete      Delete a tool and all that belongs to it
    err|   members     List and change who belongs to a tool
    err|   quota       Say how much a tool may use; operators change it
    err|   kubeconfig  Make a file by which Toolforge's clients enter
    err|   help        Print this message or the help of the given subcommand(s)
    err|
    err| All flags: --help
    ends with 1
    ");
}

#[test]
fn long_help_names_the_flags_of_every_command() {
    let help = Home::new().says(&["tool", "show", "--help"]);
    for flag in ["--server", "--tool", "--json", "--yes", "--color", "--quiet"] {
        assert!(help.contains(flag), "{flag}\n{help}");
    }
}

#[test]
fn the_version_is_a_result() {
    let version = Home::new().says(&["--version"]);
    assert_eq!(version, format!("out| hearth {}\nends with 0\n", env!("CARGO_PKG_VERSION")));
}
