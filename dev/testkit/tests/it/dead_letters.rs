//! Dead letters of a whole Hearth: operators list, retry and discard them.

use std::sync::Arc;

use hearth_base::{BuildId, Clock, Entropy, Error, ManualClock, Result, Role, SystemClock};
use hearth_kit::{
    db::Db,
    queue::{Queue, RetryPolicy, TaskName},
};
use hearth_testkit::{CliSession, Hearth, HearthShape, wait_until};
use jiff::SignedDuration;

/// The task of `builds` that unpins the image of a build by a call to `images`.
const UNPIN_TASK: TaskName<BuildId> = TaskName::new("unpin");

/// Enqueues an item of `builds` with nine failed attempts that is due now.
async fn enqueue_failed(db: &Db, build: BuildId) -> Result<()> {
    let now = SystemClock.now();
    let later = now + SignedDuration::from_hours(1);
    // The item is not due for the service yet, but it is for a queue whose clock is ahead.
    let ahead = Queue::new(
        db.clone(),
        Arc::new(ManualClock::starting_at(later + SignedDuration::from_hours(1))),
        None,
    );
    let queue = Queue::new(db.clone(), Arc::new(SystemClock), None);
    let tx = db.begin().await?;
    queue.enqueue(&tx, UNPIN_TASK, &build.to_string(), &build, later).await?;
    tx.commit().await?;
    let error = Error::unavailable("away", "images is down");
    let at_once = RetryPolicy::with_unlimited_attempts(SignedDuration::ZERO);
    for attempt in 1..=9 {
        let item = ahead
            .claim_items(UNPIN_TASK, 1)
            .await?
            .pop()
            .ok_or_else(|| Error::internal("the item is not in the queue"))?;
        let failing_queue = if attempt == 9 { &queue } else { &ahead };
        failing_queue.fail_item(&item, &error, &at_once).await?;
    }
    Ok(())
}

async fn list_queue(cli: &CliSession, state: &str) -> Result<String> {
    cli.run_successfully(&["admin", "queue", "list", "--service", "builds", "--state", state]).await
}

#[tokio::test]
async fn task_that_fails_is_seen_and_retried_by_an_operator() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::SPLIT_ON_POSTGRES).await?;
    let operator = hearth.operator().await?;
    let stranger = hearth.invite_person(&operator, "stranger").await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let db = hearth.open_database(Role::Builds).await?;
    // Its last attempt fails too, because `images` is down.
    hearth.kill(Role::Images).await?;
    let failing = BuildId::new(SystemClock.now(), &Entropy::System).to_string();
    enqueue_failed(&db, failing.parse()?).await?;
    // An item with an unreadable payload, as another release might have written it.
    let (tx, queue) = (db.begin().await?, Queue::new(db.clone(), Arc::new(SystemClock), None));
    queue.enqueue(&tx, TaskName::<i32>::new("unpin"), "strange", &7, SystemClock.now()).await?;
    tx.commit().await?;
    wait_until("both are dead letters", async || {
        let dead = list_queue(&cli, "dead").await?;
        Ok((dead.contains(&failing) && dead.contains("strange")).then_some(()))
    })
    .await?;
    let shown = cli.run_successfully(&["admin", "queue", "show", "builds", "unpin", "strange"]).await?;
    assert!(shown.contains("payload is invalid"), "{shown}");
    let metrics = operator.client.build_call(http::Method::GET, "/builds/v1/metrics").send_raw().await?;
    let metrics = http_body_util::BodyExt::collect(metrics.into_body()).await.map_err(Error::internal)?;
    let metrics = String::from_utf8_lossy(&metrics.to_bytes()).into_owned();
    assert!(metrics.contains(r#"hearth_builds_queue_dead_letters{task="unpin"} 2"#), "{metrics}");
    // Users without the operator role cannot see the queue.
    let refused = stranger.open_cli_session(&hearth).await?.run(&["admin", "queue", "list"]).await?;
    assert_eq!(refused.status, Some(1), "{refused:?}");

    hearth.restart_role(Role::Images).await?;
    cli.run_successfully(&["admin", "queue", "retry", "builds", "unpin", &failing]).await?;
    cli.run_successfully(&["admin", "queue", "discard", "builds", "unpin", "strange", "--yes"]).await?;
    wait_until("the item is finished", async || {
        let all = cli
            .run_successfully(&["admin", "queue", "list", "--service", "builds", "--task", "unpin"])
            .await?;
        Ok((!all.contains(&failing) && !all.contains("strange")).then_some(()))
    })
    .await?;
    drop(db);
    hearth.stop().await
}
