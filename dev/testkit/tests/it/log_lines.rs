//! Unusual log lines, from a real container to the command line.

use hearth_base::{Error, Result};
use hearth_testkit::wait_until;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::site::start_site;

/// Writes a line of three megabytes in characters of two bytes, invalid UTF-8, escape sequences, and many
/// lines.
const WRITER_COMMAND: &str = r"printf 'x'; yes é | head -n 1500000 | tr -d '\n'; echo;
    printf 'raw \377\376 bytes\n'; printf 'no \033[31mred\033[0m\007\n'; seq 20000; printf 'without an end'";

#[tokio::test]
async fn long_lines_raw_bytes_and_many_lines_arrive_complete() -> Result<()> {
    let (hearth, _, cli) = start_site().await?;
    let run = [
        "jobs",
        "run",
        "--tool",
        "site",
        "--image",
        "bookworm",
        "writes",
        "--wait",
        "--command",
        WRITER_COMMAND,
    ];
    cli.run_successfully(&run).await?;
    let printed =
        cli.run_successfully(&["jobs", "logs", "--tool", "site", "writes", "--last", "30000"]).await?;
    let lines: Vec<&str> = printed.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    let long = lines[0].strip_prefix('x').unwrap_or_default();
    assert!(long.len() == 3_000_000 && long.chars().all(|each| each == 'é'), "{} bytes", long.len());
    // Invalid UTF-8 and control characters are replaced by visible text.
    assert_eq!(lines[1], "raw \u{fffd}\u{fffd} bytes");
    assert_eq!(lines[2], "no red\\u{7}");
    let numbers: Vec<String> = (1..=20_000).map(|number: u32| number.to_string()).collect();
    assert!(lines[3..20_003] == numbers, "numbers are missing or out of order");
    assert_eq!(lines[20_003..], ["without an end"]);
    hearth.stop().await
}

/// The words that create a continuous job on the provided image.
fn build_run_words<'a>(name: &'a str, command: &'a str) -> Vec<&'a str> {
    let run = ["jobs", "run", name, "--tool", "site", "--image", "bookworm", "--continuous"];
    [&run[..], &["--command", command]].concat()
}

#[tokio::test]
async fn line_that_is_not_ended_is_shown_while_its_program_waits() -> Result<()> {
    let (hearth, _, cli) = start_site().await?;
    let command = r"printf 'listening on 8000'; sleep 3600";
    cli.run_successfully(&build_run_words("prompts", command)).await?;
    wait_until("the begun line in a list", async || {
        let printed = cli.run(&["jobs", "logs", "--tool", "site", "prompts"]).await?;
        Ok(printed.out.ends_with("listening on 8000\n").then_some(()))
    })
    .await?;
    let follow = ["logs", "--tool", "site", "-f", "prompts"];
    let mut following = cli.spawn_command(&follow)?;
    let mut output = following.stdout.take().ok_or_else(|| Error::internal("no output"))?;
    let mut printed = String::new();
    while !printed.ends_with("listening on 8000") {
        let mut piece = [0; 256];
        let read = output.read(&mut piece).await.map_err(Error::internal)?;
        assert!(read > 0, "{printed}");
        printed.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    following.kill().await.map_err(Error::internal)?;
    hearth.stop().await
}

#[tokio::test]
async fn following_waits_for_the_first_line_and_continues_after_a_restart_of_the_services() -> Result<()> {
    let (mut hearth, _, cli) = start_site().await?;
    // It writes when the test tells it to: each exec makes a file.
    let command = "n=1; while true; do \
        while [ ! -e /tmp/$n ]; do sleep 0.1; done; echo line $n; n=$((n+1)); done";
    cli.run_successfully(&build_run_words("silent", command)).await?;
    let mut following = cli.spawn_command(&["logs", "--tool", "site", "-f", "silent"])?;
    let output = following.stdout.take().ok_or_else(|| Error::internal("no output"))?;
    let mut lines = BufReader::new(output).lines();
    for number in ["1", "2"] {
        let touch = ["exec", "--tool", "site", "silent", "--", "touch"];
        let file = format!("/tmp/{number}");
        wait_until("the job runs", async || {
            Ok((cli.run(&[&touch[..], &[&file]].concat()).await?.status == Some(0)).then_some(()))
        })
        .await?;
        let line = lines.next_line().await.map_err(Error::internal)?.unwrap_or_default();
        assert!(line.ends_with(&format!(" line {number}")), "{line}");
        if number == "1" {
            hearth.kill_all().await?;
            hearth.start_missing_processes().await?;
        }
    }
    following.kill().await.map_err(Error::internal)?;
    hearth.stop().await
}

#[tokio::test]
async fn list_that_is_cut_says_so_and_how_to_get_more() -> Result<()> {
    let (hearth, _, cli) = start_site().await?;
    let run = ["jobs", "run", "counts", "--tool", "site", "--image", "bookworm", "--wait", "--command"];
    cli.run_successfully(&[&run[..], &["seq 300"]].concat()).await?;
    let logs = ["jobs", "logs", "--tool", "site", "counts"];
    let cut = cli.run(&logs).await?;
    assert_eq!(cut.out.lines().count(), 100);
    assert!(cut.err.contains("logs counts --last 1000"), "{}", cut.err);
    let whole = cli.run(&[&logs[..], &["--last", "1000"]].concat()).await?;
    assert_eq!((whole.out.lines().count(), whole.err.as_str()), (300, ""));
    hearth.stop().await
}
