//! Dead letters of a whole Hearth, as operators see and retry them.

use std::sync::Arc;

use hearth_base::{BuildId, Clock, Entropy, Error, ManualClock, Result, Role, SystemClock};
use hearth_kit::{
    db::Db,
    queue::{Queue, RetryPolicy, TaskName},
};
use hearth_testkit::{Hearth, Keyboard, Shape, until};
use jiff::SignedDuration;

/// The task of `builds` that gives up the image of a build, by asking `images`.
const UNPIN: TaskName<BuildId> = TaskName::new("unpin");

/// Puts an item into the queue of `builds` that has failed nine times, and is due now.
async fn enqueue_failed(db: &Db, build: BuildId) -> Result<()> {
    let now = SystemClock.now();
    let later = now + SignedDuration::from_hours(1);
    // The service does not see it before it is due; a clock that is fast does.
    let ahead =
        Queue::new(db.clone(), Arc::new(ManualClock::at(later + SignedDuration::from_hours(1))), None);
    let queue = Queue::new(db.clone(), Arc::new(SystemClock), None);
    let tx = db.begin().await?;
    queue.enqueue(&tx, UNPIN, &build.to_string(), &build, later).await?;
    tx.commit().await?;
    let error = Error::unavailable("away", "it was away");
    let at_once = RetryPolicy::forever(SignedDuration::ZERO);
    for attempt in 1..=9 {
        let item = ahead.claim(UNPIN, 1).await?.pop().ok_or_else(|| Error::internal("the item is gone"))?;
        let fails = if attempt == 9 { &queue } else { &ahead };
        fails.fail(&item, &error, &at_once).await?;
    }
    Ok(())
}

async fn listed(keyboard: &Keyboard, state: &str) -> Result<String> {
    keyboard.done(&["admin", "queue", "list", "--service", "builds", "--state", state]).await
}

#[tokio::test]
async fn task_that_fails_is_seen_and_retried_by_an_operator() -> Result<()> {
    let mut hearth = Hearth::start(Shape::SPLIT_ON_POSTGRES).await?;
    let operator = hearth.operator().await?;
    let stranger = hearth.person(&operator, "stranger").await?;
    let keyboard = operator.keyboard(&hearth).await?;
    let db = hearth.open_database(Role::Builds).await?;
    // Its last attempt fails too: nobody keeps images.
    hearth.kill(Role::Images).await?;
    let failing = BuildId::new(SystemClock.now(), &Entropy::System).to_string();
    enqueue_failed(&db, failing.parse()?).await?;
    // Of another release, perhaps: nobody can read it.
    let (tx, queue) = (db.begin().await?, Queue::new(db.clone(), Arc::new(SystemClock), None));
    queue.enqueue(&tx, TaskName::<i32>::new("unpin"), "strange", &7, SystemClock.now()).await?;
    tx.commit().await?;
    until("both are dead letters", async || {
        let dead = listed(&keyboard, "dead").await?;
        Ok((dead.contains(&failing) && dead.contains("strange")).then_some(()))
    })
    .await?;
    let shown = keyboard.done(&["admin", "queue", "show", "builds", "unpin", "strange"]).await?;
    assert!(shown.contains("payload cannot be read"), "{shown}");
    let metrics = operator.client.call(http::Method::GET, "/builds/v1/metrics").raw().await?;
    let metrics = http_body_util::BodyExt::collect(metrics.into_body()).await.map_err(Error::internal)?;
    let metrics = String::from_utf8_lossy(&metrics.to_bytes()).into_owned();
    assert!(metrics.contains(r#"hearth_builds_queue_dead_letters{task="unpin"} 2"#), "{metrics}");
    // Others see nothing of it.
    let refused = stranger.keyboard(&hearth).await?.types(&["admin", "queue", "list"]).await?;
    assert_eq!(refused.status, Some(1), "{refused:?}");

    hearth.revive(Role::Images).await?;
    keyboard.done(&["admin", "queue", "retry", "builds", "unpin", &failing]).await?;
    keyboard.done(&["admin", "queue", "discard", "builds", "unpin", "strange", "--yes"]).await?;
    until("the item is finished", async || {
        let all =
            keyboard.done(&["admin", "queue", "list", "--service", "builds", "--task", "unpin"]).await?;
        Ok((!all.contains(&failing) && !all.contains("strange")).then_some(()))
    })
    .await?;
    drop(db);
    hearth.stop().await
}
