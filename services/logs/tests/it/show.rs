//! What other services read.

use hearth_base::{Kind, Limit, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{
    LogsDirection,
    internal::{LogsOf, LogsPage, LogsRead, LogsSource},
};

use crate::stage::{lines, stage};

fn texts(page: &LogsPage) -> Vec<&str> {
    page.lines.iter().map(|kept| kept.line.text.as_str()).collect()
}

async fn the_newest_lines_come_with_a_place_to_follow_from(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=5)).await?;
    let newest = LogsRead { limit: Limit::new(2)?, ..LogsRead::of(stage.id, LogsOf::Job(stage.job.clone())) };
    let page = stage.jobs.logs().read(&newest).await?;
    assert_eq!(texts(&page), ["line 5", "line 4"]);
    let before = LogsRead { before: page.next.clone(), ..newest.clone() };
    assert_eq!(texts(&stage.jobs.logs().read(&before).await?), ["line 3", "line 2"]);
    let order = LogsDirection::OldestFirst;
    let behind = LogsRead { after: Some(page.head), order, wait: Some(20), ..newest };
    let calls = stage.jobs.logs();
    let (waited, written) = tokio::join!(calls.read(&behind), stage.write(lines(6..=6)));
    assert_eq!((texts(&waited?), written?), (vec!["line 6"], 7));
    Ok(())
}

async fn a_builds_log_is_complete_when_its_containers_have_ended(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let of = LogsOf::Build("hello-build-1".to_owned());
    let read = LogsRead { order: LogsDirection::OldestFirst, ..LogsRead::of(stage.id, of.clone()) };
    let builds = stage.stand.service(Role::Builds)?;
    let nothing = builds.logs().read(&read).await?;
    assert_eq!((nothing.lines.len(), nothing.complete), (0, false));
    let source = LogsSource { of, ..stage.source() };
    stage.hand_over(source.clone(), lines(1..=3), false).await?;
    let page = builds.logs().read(&LogsRead { after: Some(nothing.head), ..read.clone() }).await?;
    assert_eq!((texts(&page).len(), page.complete), (3, false));
    let behind = LogsRead { after: Some(page.head), wait: Some(20), ..read.clone() };
    let calls = builds.logs();
    let (waited, ended) = tokio::join!(calls.read(&behind), stage.hand_over(source, vec![], true));
    assert_eq!((waited?.complete, ended?), (true, 4));
    let part = LogsRead { limit: Limit::new(2)?, ..read };
    assert!(!builds.logs().read(&part).await?.complete, "there is more to read");
    Ok(())
}

async fn only_those_who_show_lines_read_them(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let read = LogsRead::of(stage.id, LogsOf::Job(stage.job.clone()));
    for role in [Role::Gateway, Role::Edge, Role::Builder] {
        let refused = stage.stand.service(role)?.logs().read(&read).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Forbidden, "{role}");
    }
    assert_eq!(stage.viewer.logs().read(&read).await.unwrap_err().kind(), Kind::Forbidden);
    let both = LogsRead { build: Some("b".to_owned()), ..read };
    assert_eq!(stage.jobs.logs().read(&both).await.unwrap_err().kind(), Kind::Unprocessable);
    Ok(())
}

on_every_store!(
    the_newest_lines_come_with_a_place_to_follow_from,
    a_builds_log_is_complete_when_its_containers_have_ended,
    only_those_who_show_lines_read_them,
);
