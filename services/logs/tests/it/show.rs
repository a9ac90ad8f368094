//! Reading of lines by other services.

use hearth_base::{ErrorKind, PageLimit, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{
    LogsDirection,
    internal::{LogsOwner, LogsPage, LogsReadQuery, LogsSource},
};

use crate::fixture::{build_lines, start_logs};

fn list_texts(page: &LogsPage) -> Vec<&str> {
    page.lines.iter().map(|kept| kept.line.text.as_str()).collect()
}

async fn newest_lines_come_with_a_cursor_to_follow_from(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=5)).await?;
    let newest = LogsReadQuery {
        limit: PageLimit::new(2)?,
        ..LogsReadQuery::newest_first(fixture.id, LogsOwner::Job(fixture.job.clone()))
    };
    let page = fixture.jobs.logs().read(&newest).await?;
    assert_eq!(list_texts(&page), ["line 5", "line 4"]);
    let before = LogsReadQuery { before: page.next.clone(), ..newest.clone() };
    assert_eq!(list_texts(&fixture.jobs.logs().read(&before).await?), ["line 3", "line 2"]);
    let order = LogsDirection::OldestFirst;
    let behind = LogsReadQuery { after: Some(page.head), order, wait: Some(20), ..newest };
    let calls = fixture.jobs.logs();
    let (waited, written) = tokio::join!(calls.read(&behind), fixture.write_lines(build_lines(6..=6)));
    assert_eq!((list_texts(&waited?), written?), (vec!["line 6"], 7));
    Ok(())
}

async fn log_of_a_build_is_complete_after_its_containers_have_ended(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let of = LogsOwner::Build("hello-build-1".to_owned());
    let read = LogsReadQuery {
        order: LogsDirection::OldestFirst,
        ..LogsReadQuery::newest_first(fixture.id, of.clone())
    };
    let builds = fixture.stand.service_client(Role::Builds)?;
    let nothing = builds.logs().read(&read).await?;
    assert_eq!((nothing.lines.len(), nothing.complete), (0, false));
    let source = LogsSource { of, ..fixture.build_source() };
    fixture.append_lines(source.clone(), build_lines(1..=3), false).await?;
    let page = builds.logs().read(&LogsReadQuery { after: Some(nothing.head), ..read.clone() }).await?;
    assert_eq!((list_texts(&page).len(), page.complete), (3, false));
    let behind = LogsReadQuery { after: Some(page.head), wait: Some(20), ..read.clone() };
    let calls = builds.logs();
    let (waited, ended) = tokio::join!(calls.read(&behind), fixture.append_lines(source, vec![], true));
    assert_eq!((waited?.complete, ended?), (true, 4));
    let part = LogsReadQuery { limit: PageLimit::new(2)?, ..read };
    assert!(!builds.logs().read(&part).await?.complete, "there is more to read");
    Ok(())
}

async fn only_allowed_services_read_lines(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let read = LogsReadQuery::newest_first(fixture.id, LogsOwner::Job(fixture.job.clone()));
    for role in [Role::Gateway, Role::Edge, Role::Builder] {
        let refused = fixture.stand.service_client(role)?.logs().read(&read).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden, "{role}");
    }
    assert_eq!(fixture.viewer.logs().read(&read).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let both = LogsReadQuery { build: Some("b".to_owned()), ..read };
    assert_eq!(fixture.jobs.logs().read(&both).await.unwrap_err().kind(), ErrorKind::Unprocessable);
    Ok(())
}

on_every_store!(
    newest_lines_come_with_a_cursor_to_follow_from,
    log_of_a_build_is_complete_after_its_containers_have_ended,
    only_allowed_services_read_lines,
);
