//! `toolforge jobs logs` with each of its flags, and `restart`.

use hearth_base::Result;
use hearth_testkit::wait_until;
use hearth_wire::jobs::StatusShort::Succeeded;

use super::maintainer::Maintainer;

pub async fn check_logs_and_restart(maintainer: &Maintainer) -> Result<()> {
    maintainer.run_all(&[
        ("five", "seq 1 5"),
        ("ticks --continuous", "n=0; while true; do n=$((n+1)); echo tick $n; sleep 0.2; done"),
    ]);
    maintainer.wait_for_end("five", Succeeded).await?;
    let five = ["1", "2", "3", "4", "5"];
    maintainer.wait_for_log_texts("five", &five).await?;
    maintainer.wait_for_log_texts("five -l 2", &five[3..]).await?;
    maintainer.wait_for_log_texts("five --since 2020-01-01T00:00:00+01:00", &five).await?;
    maintainer.wait_for_log_texts("five --until 2020-01-01T00:00:00Z", &[]).await?;
    maintainer.wait_for_log_texts("five --until 1h", &[]).await?;

    // A follower is interrupted and started again, and then shows newer lines.
    maintainer.wait_for_ready("ticks", 1).await?;
    wait_until("a first line", async || {
        let printed = maintainer.terminal.run_toolforge(&["jobs", "logs", "ticks", "-l", "1"]);
        Ok((printed.status == Some(0)).then_some(()))
    })
    .await?;
    let first = follow_lines(maintainer, &["jobs", "logs", "ticks", "--follow", "--last", "1"]);
    let again = follow_lines(maintainer, &["jobs", "logs", "ticks", "-f", "-l", "1"]);
    assert!(again[0].number > first[2].number, "{first:?} {again:?}");
    assert_eq!(first[0].pod, again[0].pod);

    // A restart replaces the container.
    maintainer.run_jobs_command("restart ticks");
    maintainer.wait_for_job("ticks", |job| job.status.up_to_date && job.status.ready == 1).await?;
    let replaced = follow_lines(maintainer, &["jobs", "logs", "ticks", "--follow", "--since", "0s"]);
    assert_ne!(replaced[0].pod, first[0].pod);
    maintainer.run_jobs_command("delete ticks");
    Ok(())
}

/// A parsed line of the job `ticks`.
#[derive(Debug)]
struct Tick {
    pod: String,
    number: u32,
}

/// Reads three consecutive lines of a follower, interrupts it with Ctrl-C, and checks that it ends without an
/// error.
fn follow_lines(maintainer: &Maintainer, words: &[&str]) -> Vec<Tick> {
    let mut following = maintainer.terminal.spawn_command(words);
    let ticks: Vec<Tick> = following.read_lines(3).iter().map(|line| parse_tick(line)).collect();
    let ended = following.interrupt_and_wait();
    assert!(!ended.err.contains("Traceback") && !ended.err.contains("ERROR"), "{}", ended.err);
    let numbers: Vec<u32> = ticks.iter().map(|tick| tick.number).collect();
    assert_eq!(numbers, (numbers[0]..).take(3).collect::<Vec<_>>());
    ticks
}

fn parse_tick(line: &str) -> Tick {
    let words: Vec<&str> = line.split(' ').collect();
    let [_when, pod, "[ticks]", "tick", number] = words[..] else { panic!("{line}") };
    Tick { pod: pod.to_owned(), number: number.parse().unwrap() }
}
