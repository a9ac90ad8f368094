//! Unusual log lines, from a real container to the command line.

use hearth_base::Result;

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
