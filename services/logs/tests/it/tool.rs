//! What all jobs of a tool have written.

use hearth_base::{Cursor, JobName, Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{
    LogsDirection, LogsEntry, LogsQuery,
    internal::{LogsOf, LogsSource},
};

use crate::{
    stage::{Stage, line, lines, stage, texts},
    stream::Lines,
};

impl Stage {
    /// A job of this name writes one line.
    async fn say(&self, job: &str, sequence: u64, text: &str) -> Result<()> {
        let job: JobName = job.parse()?;
        let source = LogsSource { run: format!("run-{job}"), of: LogsOf::Job(job), ..self.source() };
        self.hand_over(source, vec![line(sequence, text)], false).await.map(drop)
    }

    async fn of_tool(&self, query: &LogsQuery) -> Result<Vec<LogsEntry>> {
        let mut page = self.viewer.logs().list(&self.tool, None, query).await?.data;
        let mut all = page.logs;
        while let Some(next) = page.next {
            page = self.viewer.logs().next(&self.tool, None, &next.url).await?.data;
            all.extend(page.logs);
        }
        Ok(all)
    }
}

async fn lines_of_all_jobs_come_in_the_order_in_which_they_arrived(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    assert_eq!(stage.of_tool(&LogsQuery::default()).await?, [], "nothing was written, and that is no error");
    // Long enough for sealed chunks in each log, which lie across each other.
    for number in 1..=150 {
        for job in ["a", "b", "c"] {
            stage.say(job, number, &format!("{job} {number}")).await?;
        }
    }
    let build = LogsSource { of: LogsOf::Build("bld-1".to_owned()), ..stage.source() };
    stage.hand_over(build, lines(1..=5), true).await?;
    let oldest = LogsQuery { direction: LogsDirection::OldestFirst, ..LogsQuery::default() };
    let all = stage.of_tool(&oldest).await?;
    let expected: Vec<String> =
        (1..=150).flat_map(|number| ["a", "b", "c"].map(|job| format!("{job} {number}"))).collect();
    assert_eq!(texts(&all), expected);
    assert_eq!((all[1].container.as_str(), all[1].run.as_str()), ("b", "run-b"));
    let mut newest = stage.of_tool(&LogsQuery { lines: Some(430), ..LogsQuery::default() }).await?;
    newest.reverse();
    assert_eq!(newest, all[20..]);
    // Pages, one short of everything and one line each, in both directions.
    for direction in [LogsDirection::NewestFirst, LogsDirection::OldestFirst] {
        let mut cursor = None;
        let mut seen = Vec::new();
        for _ in 0..7 {
            let query =
                LogsQuery { lines: Some(1), direction, cursor: cursor.take(), ..LogsQuery::default() };
            let page = stage.viewer.logs().list(&stage.tool, None, &query).await?.data;
            cursor = page.logs.first().map(|line| line.cursor.clone());
            seen.extend(page.logs);
        }
        match direction {
            LogsDirection::NewestFirst => seen.reverse(),
            LogsDirection::OldestFirst => {}
        }
        let expected = match direction {
            LogsDirection::NewestFirst => &all[443..],
            LogsDirection::OldestFirst => &all[..7],
        };
        assert_eq!(seen, expected);
    }
    let found = LogsQuery { regex: Some("[ab] 14[89]".to_owned()), ..oldest.clone() };
    assert_eq!(texts(&stage.of_tool(&found).await?), ["a 148", "b 148", "a 149", "b 149"]);
    let run = LogsQuery { run: Some("run-c".to_owned()), ..oldest.clone() };
    assert_eq!(stage.of_tool(&run).await?.len(), 150);
    let jobs = LogsQuery { job_names: Some("a, c".to_owned()), ..oldest };
    let of_jobs = stage.of_tool(&jobs).await?;
    assert_eq!(of_jobs.len(), 300, "the filter is part of the address of each next page");
    assert!(of_jobs.iter().all(|line| line.job_name != "b"));
    // What a job says is in its own log under the same cursor.
    let of_b = LogsQuery { cursor: Some(Cursor::after(all[1].cursor.key::<i64>()?)), ..run };
    let next = stage.viewer.logs().list(&stage.tool, &"b".parse::<JobName>()?, &of_b).await?.data;
    assert_eq!(next.logs, [], "the other run's");
    Ok(())
}

async fn only_the_kinds_of_entries_that_are_asked_for_are_listed(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.say("a", 1, "a 1").await?;
    let listed = async |sources: &str| {
        let query = LogsQuery { sources: Some(sources.to_owned()), ..LogsQuery::default() };
        stage.viewer.logs().list(&stage.tool, None, &query).await
    };
    assert_eq!(texts(&listed("jobs,run-logs").await?.data.logs), ["a 1"]);
    let events = listed("jobs,deployments").await?;
    assert_eq!(events.data.logs, []);
    assert!(events.messages.info[0].contains("not in it"), "{:?}", events.messages);
    let refused = listed("run-logs,weather").await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Unprocessable, "logs-source"));
    assert!(refused.public().contains("weather"), "{refused}");
    let of_a_deployment = LogsQuery { deployment_ids: Some("one".to_owned()), ..LogsQuery::default() };
    assert_eq!(stage.of_tool(&of_a_deployment).await?, []);
    let many = (0..101).map(|number| format!("a{number}")).collect::<Vec<_>>().join(",");
    let many = stage.of_tool(&LogsQuery { job_names: Some(many), ..LogsQuery::default() }).await.unwrap_err();
    assert_eq!(many.code(), "logs-job-names");
    let wrong_name = LogsQuery { job_names: Some("a,../b".to_owned()), ..LogsQuery::default() };
    assert_eq!(stage.of_tool(&wrong_name).await.unwrap_err().kind(), Kind::Unprocessable);
    Ok(())
}

async fn all_jobs_are_followed_also_those_that_come(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let begin = async |query: &LogsQuery| {
        Ok::<_, hearth_base::Error>(Lines::of(stage.viewer.logs().stream(&stage.tool, None, query).await?))
    };
    let mut from_nothing = begin(&LogsQuery::default()).await?;
    let (first, came) = tokio::join!(stage.say("a", 1, "a 1"), from_nothing.texts(1));
    assert_eq!((first.is_ok(), came), (true, vec!["a 1".to_owned()]));
    stage.say("b", 1, "b 1").await?;
    stage.say("c", 1, "c 1").await?;
    assert_eq!(from_nothing.texts(2).await, ["b 1", "c 1"]);
    let mut last = begin(&LogsQuery { lines: Some(1), ..LogsQuery::default() }).await?;
    assert_eq!(last.texts(1).await, ["c 1"]);
    // Those who write at the same time: nothing is left out, nothing comes twice.
    let write = async |job: &'static str| {
        for number in 2..=60 {
            stage.say(job, number, job).await?;
        }
        Ok::<_, hearth_base::Error>(())
    };
    let (a, b, c, came) = tokio::join!(write("a"), write("b"), write("c"), last.texts(177));
    for written in [a, b, c] {
        written?;
    }
    for job in ["a", "b", "c"] {
        assert_eq!(came.iter().filter(|text| *text == job).count(), 59, "{job}");
    }
    Ok(())
}

on_every_store!(
    lines_of_all_jobs_come_in_the_order_in_which_they_arrived,
    only_the_kinds_of_entries_that_are_asked_for_are_listed,
    all_jobs_are_followed_also_those_that_come,
);
