//! `toolforge jobs load`, `dump` and `flush`.

use std::fs;

use hearth_base::Result;
use hearth_wire::jobs::StatusShort::Succeeded;

use super::maintainer::Maintainer;

/// A file with jobs of all kinds.
const JOBS_FILE: &str = "\
- name: once
  image: bookworm
  command: echo $HOME
  mount: all
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

pub async fn check_dump_and_load(maintainer: &Maintainer) -> Result<()> {
    maintainer.run_jobs_command("flush");
    assert_eq!(maintainer.run_jobs_command("list"), "");
    fs::write(maintainer.terminal.file_path("jobs.yaml"), JOBS_FILE).unwrap();

    // One job of a file, then all jobs; existing jobs are unchanged.
    maintainer.run_jobs_command("load jobs.yaml --job bot");
    assert_eq!(maintainer.run_jobs_command("list -o name"), "bot\n");
    let bot = maintainer.wait_for_ready("bot", 2).await?;
    maintainer.run_jobs_command("load jobs.yaml");
    assert_eq!(maintainer.run_jobs_command("list -o name"), "bot\nnames\nnightly\nonce\nsite\n");
    let same = maintainer.show_job("bot").await?;
    assert_eq!((same.status.generation, same.status.run), (bot.status.generation, bot.status.run));

    // A dump has all written fields and nothing else, on standard output and in a file.
    let dumped = maintainer.run_jobs_command("dump");
    let (dumped_entries, expected): (Vec<String>, Vec<String>) =
        (split_entries(&dumped), split_entries(JOBS_FILE));
    assert_eq!(dumped_entries, expected, "{dumped}");
    maintainer.run_jobs_command("dump --to-file dumped.yaml");
    maintainer.run_jobs_command("dump -f again.yaml");
    let file = |name: &str| fs::read_to_string(maintainer.terminal.file_path(name)).unwrap();
    assert_eq!(
        [file("dumped.yaml"), file("again.yaml")],
        [dumped.trim_end(); 2].map(|text| format!("{text}\n"))
    );

    // Loading a dump restores the same jobs; loading it again changes nothing.
    maintainer.run_jobs_command("flush");
    maintainer.run_jobs_command("load dumped.yaml");
    assert_eq!(maintainer.run_jobs_command("dump"), dumped);
    maintainer.wait_for_end("once", Succeeded).await?;
    let before = maintainer.wait_for_ready("bot", 2).await?;
    maintainer.run_jobs_command("load dumped.yaml");
    assert_eq!(maintainer.run_jobs_command("dump"), dumped);
    assert_eq!(maintainer.show_job("bot").await?.status.generation, before.status.generation);
    maintainer.run_jobs_command("flush");
    let nothing = maintainer.terminal.run_toolforge(&["jobs", "dump"]);
    assert_eq!((nothing.status, &*nothing.out), (Some(0), ""));
    assert!(nothing.err.contains("no jobs defined"), "{}", nothing.err);
    Ok(())
}

/// Returns the entries of a file, sorted and without quotes, because the programs write them differently.
fn split_entries(yaml: &str) -> Vec<String> {
    let mut entries: Vec<String> =
        yaml.lines().map(|line| line.trim_start_matches(['-', ' ']).replace(['\'', '"'], "")).collect();
    entries.retain(|entry| !entry.is_empty());
    entries.sort();
    entries
}
