//! Lines of all jobs of a tool.

use hearth_base::{ErrorKind, JobName, PageCursor, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{
    LogsDirection, LogsEntry, LogsQuery,
    internal::{LogsOwner, LogsSource},
};

use crate::{
    fixture::{LogsFixture, build_line, build_lines, list_texts, start_logs},
    stream::LineStream,
};

impl LogsFixture {
    /// Appends one line of a job.
    async fn write_job_line(&self, job: &str, sequence: u64, text: &str) -> Result<()> {
        let job: JobName = job.parse()?;
        let source = LogsSource { run: format!("run-{job}"), of: LogsOwner::Job(job), ..self.build_source() };
        self.append_lines(source, vec![build_line(sequence, text)], false).await.map(drop)
    }

    async fn list_all_of_tool(&self, query: &LogsQuery) -> Result<Vec<LogsEntry>> {
        let mut page = self.viewer.logs().list(&self.tool, None, query).await?.data;
        let mut all = page.logs;
        while let Some(next) = page.next {
            page = self.viewer.logs().next_page(&self.tool, None, &next.url).await?.data;
            all.extend(page.logs);
        }
        Ok(all)
    }
}

async fn lines_of_all_jobs_are_ordered_by_arrival(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    assert_eq!(
        fixture.list_all_of_tool(&LogsQuery::default()).await?,
        [],
        "a tool without lines is no error"
    );
    // Enough lines for sealed chunks in each log, whose positions overlap.
    for number in 1..=150 {
        for job in ["a", "b", "c"] {
            fixture.write_job_line(job, number, &format!("{job} {number}")).await?;
        }
    }
    let build = LogsSource { of: LogsOwner::Build("bld-1".to_owned()), ..fixture.build_source() };
    fixture.append_lines(build, build_lines(1..=5), true).await?;
    let oldest = LogsQuery { direction: LogsDirection::OldestFirst, ..LogsQuery::default() };
    let all = fixture.list_all_of_tool(&oldest).await?;
    let expected: Vec<String> =
        (1..=150).flat_map(|number| ["a", "b", "c"].map(|job| format!("{job} {number}"))).collect();
    assert_eq!(list_texts(&all), expected);
    assert_eq!((all[1].container.as_str(), all[1].run.as_str()), ("b", "run-b"));
    let mut newest =
        fixture.list_all_of_tool(&LogsQuery { lines: Some(430), ..LogsQuery::default() }).await?;
    newest.reverse();
    assert_eq!(newest, all[20..]);
    // Pages of one line each, in both directions.
    for direction in [LogsDirection::NewestFirst, LogsDirection::OldestFirst] {
        let mut cursor = None;
        let mut seen = Vec::new();
        for _ in 0..7 {
            let query =
                LogsQuery { lines: Some(1), direction, cursor: cursor.take(), ..LogsQuery::default() };
            let page = fixture.viewer.logs().list(&fixture.tool, None, &query).await?.data;
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
    assert_eq!(list_texts(&fixture.list_all_of_tool(&found).await?), ["a 148", "b 148", "a 149", "b 149"]);
    let run = LogsQuery { run: Some("run-c".to_owned()), ..oldest.clone() };
    assert_eq!(fixture.list_all_of_tool(&run).await?.len(), 150);
    let jobs = LogsQuery { job_names: Some("a, c".to_owned()), ..oldest };
    let of_jobs = fixture.list_all_of_tool(&jobs).await?;
    assert_eq!(of_jobs.len(), 300, "the filter is part of the URL of each next page");
    assert!(of_jobs.iter().all(|line| line.job_name != "b"));
    // The cursor of a line is the same in the job's log and in the tool's.
    let of_b = LogsQuery { cursor: Some(PageCursor::after_key(all[1].cursor.parse_key::<i64>()?)), ..run };
    let next = fixture.viewer.logs().list(&fixture.tool, &"b".parse::<JobName>()?, &of_b).await?.data;
    assert_eq!(next.logs, [], "the job has no lines of the other run");
    Ok(())
}

async fn only_entries_of_the_requested_sources_are_listed(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_job_line("a", 1, "a 1").await?;
    let listed = async |sources: &str| {
        let query = LogsQuery { sources: Some(sources.to_owned()), ..LogsQuery::default() };
        fixture.viewer.logs().list(&fixture.tool, None, &query).await
    };
    assert_eq!(list_texts(&listed("jobs,run-logs").await?.data.logs), ["a 1"]);
    let events = listed("jobs,deployments").await?;
    assert_eq!(events.data.logs, []);
    assert!(events.messages.info[0].contains("not in it"), "{:?}", events.messages);
    let refused = listed("run-logs,weather").await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unprocessable, "logs-source"));
    assert!(refused.public_message().contains("weather"), "{refused}");
    let of_a_deployment = LogsQuery { deployment_ids: Some("one".to_owned()), ..LogsQuery::default() };
    assert_eq!(fixture.list_all_of_tool(&of_a_deployment).await?, []);
    let many = (0..101).map(|number| format!("a{number}")).collect::<Vec<_>>().join(",");
    let many = fixture
        .list_all_of_tool(&LogsQuery { job_names: Some(many), ..LogsQuery::default() })
        .await
        .unwrap_err();
    assert_eq!(many.code(), "logs-job-names");
    let wrong_name = LogsQuery { job_names: Some("a,../b".to_owned()), ..LogsQuery::default() };
    assert_eq!(fixture.list_all_of_tool(&wrong_name).await.unwrap_err().kind(), ErrorKind::Unprocessable);
    Ok(())
}

async fn stream_of_a_tool_includes_new_jobs(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let begin = async |query: &LogsQuery| {
        Ok::<_, hearth_base::Error>(LineStream::from_response(
            fixture.viewer.logs().stream_lines(&fixture.tool, None, query).await?,
        ))
    };
    let mut from_nothing = begin(&LogsQuery::default()).await?;
    let (first, came) = tokio::join!(fixture.write_job_line("a", 1, "a 1"), from_nothing.read_texts(1));
    assert_eq!((first.is_ok(), came), (true, vec!["a 1".to_owned()]));
    fixture.write_job_line("b", 1, "b 1").await?;
    fixture.write_job_line("c", 1, "c 1").await?;
    assert_eq!(from_nothing.read_texts(2).await, ["b 1", "c 1"]);
    let mut last = begin(&LogsQuery { lines: Some(1), ..LogsQuery::default() }).await?;
    assert_eq!(last.read_texts(1).await, ["c 1"]);
    // Concurrent writers: no line is missing, none is repeated.
    let write = async |job: &'static str| {
        for number in 2..=60 {
            fixture.write_job_line(job, number, job).await?;
        }
        Ok::<_, hearth_base::Error>(())
    };
    let (a, b, c, came) = tokio::join!(write("a"), write("b"), write("c"), last.read_texts(177));
    for written in [a, b, c] {
        written?;
    }
    for job in ["a", "b", "c"] {
        assert_eq!(came.iter().filter(|text| *text == job).count(), 59, "{job}");
    }
    Ok(())
}

on_every_store!(
    lines_of_all_jobs_are_ordered_by_arrival,
    only_entries_of_the_requested_sources_are_listed,
    stream_of_a_tool_includes_new_jobs,
);
