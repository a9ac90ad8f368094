//! Lines of every sort, from a real container to somebody's terminal.

use hearth_base::Result;

use crate::site::site;

/// A line of three megabytes in characters of two bytes, bytes that are no text, colours, and many lines.
const WRITES: &str = r"printf 'x'; yes é | head -n 1500000 | tr -d '\n'; echo;
    printf 'raw \377\376 bytes\n'; printf 'no \033[31mred\033[0m\007\n'; seq 20000; printf 'without an end'";

#[tokio::test]
async fn long_lines_raw_bytes_and_many_lines_arrive_whole() -> Result<()> {
    let (hearth, _, keyboard) = site().await?;
    let run =
        ["jobs", "run", "--tool", "site", "--image", "bookworm", "writes", "--wait", "--command", WRITES];
    keyboard.done(&run).await?;
    let printed = keyboard.done(&["jobs", "logs", "--tool", "site", "writes", "--last", "30000"]).await?;
    let lines: Vec<&str> = printed.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    let long = lines[0].strip_prefix('x').unwrap_or_default();
    assert!(long.len() == 3_000_000 && long.chars().all(|each| each == 'é'), "{} bytes", long.len());
    // What is no text, and what a terminal would take for more than text, is made visible.
    assert_eq!(lines[1], "raw \u{fffd}\u{fffd} bytes");
    assert_eq!(lines[2], "no red\\u{7}");
    let numbers: Vec<String> = (1..=20_000).map(|number: u32| number.to_string()).collect();
    assert!(lines[3..20_003] == numbers, "none is left out, and all are in order");
    assert_eq!(lines[20_003..], ["without an end"]);
    hearth.stop().await
}
