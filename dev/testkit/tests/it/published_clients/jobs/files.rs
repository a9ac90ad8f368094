//! `toolforge jobs load`, `dump` and `flush`.

use std::fs;

use hearth_base::Result;
use hearth_wire::jobs::StatusShort::Succeeded;

use super::maintainer::Maintainer;

/// Jobs of all sorts, as people write them down.
const JOBS: &str = "\
- name: once
  image: bookworm
  command: echo $HOME
  mount: none
  retry: 1
- name: nightly
  image: bookworm
  command: ./tidy --all \"two words\"
  schedule: '17 3 * * 1-5'
  timeout: 600
  retry: 2
  emails: onfailure
  mem: 256Mi
- name: bot
  image: bookworm
  command: echo 'it''s up'; exec sleep 600
  continuous: true
  replicas: 2
  cpu: 200m
  health-check-script: test -e /tmp
  filelog: 'yes'
  filelog-stdout: logs.out
- name: names
  image: bookworm
  command: exec sleep 600
  continuous: true
  port: 5353/udp
  no-filelog: true
- name: site
  image: bookworm
  command: exec httpd -f -p $PORT
  webservice: true
  port: 8080
  health-check-http: /
";

pub async fn what_was_dumped_is_loaded(maintainer: &Maintainer) -> Result<()> {
    maintainer.jobs("flush");
    assert_eq!(maintainer.jobs("list"), "");
    fs::write(maintainer.terminal.path("jobs.yaml"), JOBS).unwrap();

    // One of a file, then all; what is there already is left as it is.
    maintainer.jobs("load jobs.yaml --job bot");
    assert_eq!(maintainer.jobs("list -o name"), "bot\n");
    let bot = maintainer.ready("bot", 2).await?;
    maintainer.jobs("load jobs.yaml");
    assert_eq!(maintainer.jobs("list -o name"), "bot\nnames\nnightly\nonce\nsite\n");
    let same = maintainer.job("bot").await?;
    assert_eq!((same.status.generation, same.status.run), (bot.status.generation, bot.status.run));

    // All that was written down is dumped, and nothing else; to a file or not.
    let dumped = maintainer.jobs("dump");
    let (written, meant): (Vec<String>, Vec<String>) = (entries(&dumped), entries(JOBS));
    assert_eq!(written, meant, "{dumped}");
    maintainer.jobs("dump --to-file dumped.yaml");
    maintainer.jobs("dump -f again.yaml");
    let file = |name: &str| fs::read_to_string(maintainer.terminal.path(name)).unwrap();
    assert_eq!(
        [file("dumped.yaml"), file("again.yaml")],
        [dumped.trim_end(); 2].map(|text| format!("{text}\n"))
    );

    // Loaded anew it says the same, and loaded once more it changes nothing.
    maintainer.jobs("flush");
    maintainer.jobs("load dumped.yaml");
    assert_eq!(maintainer.jobs("dump"), dumped);
    maintainer.ended("once", Succeeded).await?;
    let before = maintainer.ready("bot", 2).await?;
    maintainer.jobs("load dumped.yaml");
    assert_eq!(maintainer.jobs("dump"), dumped);
    assert_eq!(maintainer.job("bot").await?.status.generation, before.status.generation);
    maintainer.jobs("flush");
    let nothing = maintainer.terminal.toolforge(&["jobs", "dump"]);
    assert_eq!((nothing.status, &*nothing.out), (Some(0), ""));
    assert!(nothing.err.contains("no jobs defined"), "{}", nothing.err);
    Ok(())
}

/// The entries of a file, in an order that does not depend on whoever wrote it.
fn entries(yaml: &str) -> Vec<String> {
    let mut entries: Vec<String> =
        yaml.lines().map(|line| line.trim_start_matches(['-', ' ']).replace(['\'', '"'], "")).collect();
    entries.retain(|entry| !entry.is_empty());
    entries.sort();
    entries
}
