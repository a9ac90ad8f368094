//! `toolforge jobs logs` with each of its flags, and `restart`.

use hearth_base::Result;
use hearth_testkit::until;
use hearth_wire::jobs::StatusShort::Succeeded;

use super::maintainer::Maintainer;

pub async fn lines_are_shown_and_followed(maintainer: &Maintainer) -> Result<()> {
    maintainer.run_all(&[
        ("five", "seq 1 5"),
        ("ticks --continuous", "n=0; while true; do n=$((n+1)); echo tick $n; sleep 0.2; done"),
    ]);
    maintainer.ended("five", Succeeded).await?;
    let five = ["1", "2", "3", "4", "5"];
    maintainer.reads("five", &five).await?;
    maintainer.reads("five -l 2", &five[3..]).await?;
    maintainer.reads("five --since 2020-01-01T00:00:00+01:00", &five).await?;
    maintainer.reads("five --until 2020-01-01T00:00:00Z", &[]).await?;
    maintainer.reads("five --until 1h", &[]).await?;

    // Followed, interrupted, and followed again from where it is by then.
    maintainer.ready("ticks", 1).await?;
    until("a first line", async || {
        let asked = maintainer.terminal.toolforge(&["jobs", "logs", "ticks", "-l", "1"]);
        Ok((asked.status == Some(0)).then_some(()))
    })
    .await?;
    let first = followed(maintainer, &["jobs", "logs", "ticks", "--follow", "--last", "1"]);
    let again = followed(maintainer, &["jobs", "logs", "ticks", "-f", "-l", "1"]);
    assert!(again[0].number > first[2].number, "{first:?} {again:?}");
    assert_eq!(first[0].pod, again[0].pod);

    // A restart puts another container in its place.
    maintainer.jobs("restart ticks");
    maintainer.until("ticks", |job| job.status.up_to_date && job.status.ready == 1).await?;
    let replaced = followed(maintainer, &["jobs", "logs", "ticks", "--follow", "--since", "0s"]);
    assert_ne!(replaced[0].pod, first[0].pod);
    maintainer.jobs("delete ticks");
    Ok(())
}

/// A line of `ticks`.
#[derive(Debug)]
struct Tick {
    pod: String,
    number: u32,
}

/// Three lines as they are written, one behind the other. Then somebody presses Ctrl-C, and there is no fuss.
fn followed(maintainer: &Maintainer, words: &[&str]) -> Vec<Tick> {
    let mut following = maintainer.terminal.begins(words);
    let ticks: Vec<Tick> = following.lines(3).iter().map(|line| tick(line)).collect();
    let ended = following.interrupted();
    assert!(!ended.err.contains("Traceback") && !ended.err.contains("ERROR"), "{}", ended.err);
    let numbers: Vec<u32> = ticks.iter().map(|tick| tick.number).collect();
    assert_eq!(numbers, (numbers[0]..).take(3).collect::<Vec<_>>());
    ticks
}

fn tick(line: &str) -> Tick {
    let words: Vec<&str> = line.split(' ').collect();
    let [_when, pod, "[ticks]", "tick", number] = words[..] else { panic!("{line}") };
    Tick { pod: pod.to_owned(), number: number.parse().unwrap() }
}
