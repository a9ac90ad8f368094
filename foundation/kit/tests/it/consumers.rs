//! Consumers of other services' events.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use hearth_base::{Entropy, Error, Result, Role, ToolId};
use hearth_kit::{
    Dialect, Kit, Mounted,
    config::Config,
    db::{Db, MigrationName, MigrationTrait, OrFault, SchemaManager, Tx},
    events::{Consumer, CreateEventCursors, EventHandler, Resume, ViewHandler},
};
use hearth_testkit::{PlayedStream, Stand, on_every_store, until};
use hearth_wire::{
    accounts::internal::{ToolEvent, ToolOnly},
    events::{Event, Topic, TopicInfo},
    images::internal::{TagEvent, TagMoved},
    jobs::internal::{RouteEvent, RouteRemoved},
};
use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};
use utoipa_axum::router::OpenApiRouter;

/// The record of what the consumers of the test did.
#[derive(Clone, Default)]
struct Log {
    /// Applying fails at its end.
    fails: Arc<AtomicBool>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn write(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

struct CreateApplied;

impl MigrationName for CreateApplied {
    fn name(&self) -> &str {
        "0001_applied"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateApplied {
    async fn up(&self, manager: &SchemaManager) -> Result<(), sea_orm::DbErr> {
        let table = "CREATE TABLE applied (event_id varchar(40) PRIMARY KEY, service varchar(40) NOT NULL)";
        manager.get_connection().execute_unprepared(table).await.map(|_| ())
    }
}

/// Writes each event into the table `applied`, which refuses a second time.
struct WriteApplied(Log);

impl EventHandler for WriteApplied {
    async fn apply(&self, tx: &Tx, events: Vec<Event>) -> Result<()> {
        for Event { id, service, .. } in events {
            let insert = format!("INSERT INTO applied (event_id, service) VALUES ('{id}', '{service}')");
            tx.execute_unprepared(&insert).await.or_fault()?;
        }
        if self.0.fails.load(Ordering::SeqCst) {
            self.0.write("failed");
            return Err(Error::unavailable("test", "it is away"));
        }
        Ok(())
    }

    async fn rebuild(&self) -> Result<Resume> {
        self.0.write("rebuilt");
        Ok(Resume::AtHead)
    }
}

/// Remembers the types of events.
struct RememberTypes(Log);

impl ViewHandler for RememberTypes {
    async fn rebuild(&self) -> Result<()> {
        self.0.write("rebuilt");
        Ok(())
    }

    async fn apply(&self, events: Vec<Event>) -> Result<()> {
        events.iter().for_each(|event| self.0.write(&event.event_type));
        Ok(())
    }
}

fn mount(log: Log) -> impl Fn(&Kit) -> Result<Mounted> + Clone {
    move |kit| {
        let stored = |name, topic: &'static TopicInfo| {
            Ok::<_, Error>(Consumer::new(kit, name, topic).stored(kit.db()?, WriteApplied(log.clone())))
        };
        Ok(Mounted::new(kit, Dialect::Data, OpenApiRouter::new(), ())
            .migrations(|| vec![Box::new(CreateEventCursors), Box::new(CreateApplied)])
            .worker(stored("tags", TagEvent::TOPIC_INFO)?)
            .worker(stored("tags", RouteEvent::TOPIC_INFO)?))
    }
}

/// A service that consumes topics of two others.
struct Rig {
    stand: Stand,
    log: Log,
    images: PlayedStream,
    jobs: PlayedStream,
}

async fn rig(db: Db) -> Result<Rig> {
    let (log, images, jobs) = (Log::default(), PlayedStream::default(), PlayedStream::default());
    let mut stand =
        Stand::of(Role::Notify, db, mount(log.clone()), Config::default(), Default::default()).await?;
    stand.play(Role::Images, hearth_kit::exchange(images.router(TagEvent::TOPIC_INFO)));
    stand.play(Role::Jobs, hearth_kit::exchange(jobs.router(RouteEvent::TOPIC_INFO)));
    stand.start_workers();
    Ok(Rig { stand, log, images, jobs })
}

impl Rig {
    fn move_tag(&self) -> Result<()> {
        let moved = TagMoved { tool: None, image: "python3.11".parse()?, tag: "latest".to_owned() };
        self.images.append(Timestamp::UNIX_EPOCH, &TagEvent::Moved(moved), None)
    }

    fn remove_route(&self) -> Result<()> {
        self.jobs.append(Timestamp::UNIX_EPOCH, &RouteEvent::Removed(RouteRemoved { tool: tool() }), None)
    }

    async fn applied(&self) -> Result<(i64, i64)> {
        let db = self.stand.kit.db()?;
        let count = async |service: &str| {
            let sql = format!("SELECT count(*) FROM applied WHERE service = '{service}'");
            let tx = db.begin().await?;
            let row = tx.query_one_raw(Statement::from_string(db.backend(), sql)).await.or_fault()?;
            row.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0)).or_fault()
        };
        Ok((count("images").await?, count("jobs").await?))
    }

    async fn until_applied(&self, images: i64, jobs: i64) -> Result<()> {
        until("the events are applied", async || Ok((self.applied().await? == (images, jobs)).then_some(())))
            .await
    }

    async fn restart(&mut self) -> Result<()> {
        assert!(self.stand.kill_workers().await, "workers end when they are killed");
        self.stand.mount(mount(self.log.clone())).await?;
        self.stand.start_workers();
        Ok(())
    }
}

fn tool() -> ToolId {
    ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
}

async fn one_consumer_follows_two_sources_with_a_cursor_for_each(db: Db) -> Result<()> {
    let mut rig = rig(db).await?;
    for _ in 0..3 {
        rig.move_tag()?;
    }
    rig.remove_route()?;
    rig.until_applied(3, 1).await?;
    // A restart applies nothing twice, which the table would refuse.
    rig.restart().await?;
    rig.remove_route()?;
    rig.until_applied(3, 2).await?;
    assert!(rig.log.lines().is_empty(), "{:?}", rig.log.lines());
    Ok(())
}

async fn an_effect_that_fails_moves_no_cursor_and_is_repeated(db: Db) -> Result<()> {
    let rig = rig(db).await?;
    rig.log.fails.store(true, Ordering::SeqCst);
    rig.move_tag()?;
    rig.remove_route()?;
    until("both have failed", async || Ok((rig.log.lines().len() >= 2).then_some(()))).await?;
    assert_eq!(rig.applied().await?, (0, 0));
    rig.log.fails.store(false, Ordering::SeqCst);
    rig.until_applied(1, 1).await
}

async fn after_a_gap_the_consumer_rebuilds_and_goes_on(db: Db) -> Result<()> {
    let mut rig = rig(db).await?;
    rig.move_tag()?;
    rig.until_applied(1, 0).await?;
    assert!(rig.stand.kill_workers().await);
    rig.images.delete_all(10);
    rig.restart().await?;
    until("it is rebuilt", async || Ok((rig.log.lines() == ["rebuilt"]).then_some(()))).await?;
    rig.move_tag()?;
    rig.until_applied(2, 0).await
}

async fn a_view_in_memory_is_rebuilt_first_and_sees_only_what_happens_from_then_on(db: Db) -> Result<()> {
    let (log, tools) = (Log::default(), PlayedStream::default());
    let view = log.clone();
    let mount = move |kit: &Kit| {
        let worker = Consumer::new(kit, "view", ToolEvent::TOPIC_INFO).in_memory(RememberTypes(view.clone()));
        Ok(Mounted::new(kit, Dialect::Data, OpenApiRouter::new(), ()).worker(worker))
    };
    let mut stand = Stand::of(Role::Edge, db, mount, Config::default(), Default::default()).await?;
    tools.append(Timestamp::UNIX_EPOCH, &ToolEvent::Created(ToolOnly { tool: tool() }), None)?;
    stand.play(Role::Accounts, hearth_kit::exchange(tools.router(ToolEvent::TOPIC_INFO)));
    stand.start_workers();
    until("it is rebuilt", async || Ok((log.lines() == ["rebuilt"]).then_some(()))).await?;
    tools.append(Timestamp::UNIX_EPOCH, &ToolEvent::Erased(ToolOnly { tool: tool() }), None)?;
    until("it is applied", async || Ok((log.lines() == ["rebuilt", "tool.erased"]).then_some(()))).await?;
    // Events are lost: from the beginning.
    tools.delete_all(10);
    tools.append(Timestamp::UNIX_EPOCH, &ToolEvent::Created(ToolOnly { tool: tool() }), None)?;
    until("it is rebuilt", async || Ok((log.lines().len() == 3).then_some(()))).await?;
    assert_eq!(log.lines()[2], "rebuilt");
    Ok(())
}

on_every_store!(
    one_consumer_follows_two_sources_with_a_cursor_for_each,
    an_effect_that_fails_moves_no_cursor_and_is_repeated,
    after_a_gap_the_consumer_rebuilds_and_goes_on,
    a_view_in_memory_is_rebuilt_first_and_sees_only_what_happens_from_then_on,
);
