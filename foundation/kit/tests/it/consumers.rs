//! Consumers of other services' events.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use hearth_base::{Entropy, Error, Result, Role, ToolId};
use hearth_kit::{
    Dialect, Kit, MountedService,
    config::HearthConfig,
    db::{Db, MigrationName, MigrationTrait, OrDbError, SchemaManager, Tx},
    events::{CreateEventCursors, EventConsumer, EventHandler, ResumePosition, ViewHandler},
};
use hearth_testkit::{FakeEventStream, ServiceStand, on_every_store, wait_until};
use hearth_wire::{
    accounts::internal::{ToolEvent, ToolOnly},
    events::{Event, Topic, TopicInfo},
    images::internal::{TagEvent, TagMoved},
    jobs::internal::{RouteEvent, RouteRemoved},
};
use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};
use utoipa_axum::router::OpenApiRouter;

/// Log of the effects of the test's consumers.
#[derive(Clone, Default)]
struct EffectLog {
    /// Makes `apply_events` fail at its end.
    fails: Arc<AtomicBool>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl EffectLog {
    fn write(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn read_lines(&self) -> Vec<String> {
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

/// Inserts each event into the table `applied`, whose primary key rejects a second insertion.
struct WriteApplied(EffectLog);

impl EventHandler for WriteApplied {
    async fn apply_events(&self, tx: &Tx, events: Vec<Event>) -> Result<()> {
        for Event { id, service, .. } in events {
            let insert = format!("INSERT INTO applied (event_id, service) VALUES ('{id}', '{service}')");
            tx.execute_unprepared(&insert).await.or_db_error()?;
        }
        if self.0.fails.load(Ordering::SeqCst) {
            self.0.write("failed");
            return Err(Error::unavailable("test", "the test fails here"));
        }
        Ok(())
    }

    async fn rebuild_state(&self) -> Result<ResumePosition> {
        self.0.write("rebuilt");
        Ok(ResumePosition::AtHead)
    }
}

/// Logs the types of events.
struct RememberTypes(EffectLog);

impl ViewHandler for RememberTypes {
    async fn rebuild_view(&self) -> Result<()> {
        self.0.write("rebuilt");
        Ok(())
    }

    async fn apply_events(&self, events: Vec<Event>) -> Result<()> {
        events.iter().for_each(|event| self.0.write(&event.event_type));
        Ok(())
    }
}

fn build_mount(log: EffectLog) -> impl Fn(&Kit) -> Result<MountedService> + Clone {
    move |kit| {
        let stored = |name, topic: &'static TopicInfo| {
            Ok::<_, Error>(
                EventConsumer::new(kit, name, topic).into_stored_worker(kit.db()?, WriteApplied(log.clone())),
            )
        };
        Ok(MountedService::new(kit, Dialect::Data, OpenApiRouter::new(), ())
            .with_migrations(|| vec![Box::new(CreateEventCursors), Box::new(CreateApplied)])
            .with_worker(stored("tags", TagEvent::TOPIC_INFO)?)
            .with_worker(stored("tags", RouteEvent::TOPIC_INFO)?))
    }
}

/// A service that consumes topics of two others.
struct ConsumerFixture {
    stand: ServiceStand,
    log: EffectLog,
    images: FakeEventStream,
    jobs: FakeEventStream,
}

async fn start_fixture(db: Db) -> Result<ConsumerFixture> {
    let (log, images, jobs) = (EffectLog::default(), FakeEventStream::default(), FakeEventStream::default());
    let mut stand = ServiceStand::start_service(
        Role::Notify,
        db,
        build_mount(log.clone()),
        HearthConfig::default(),
        Default::default(),
    )
    .await?;
    stand.set_fake_service(
        Role::Images,
        hearth_kit::build_local_service(images.build_router(TagEvent::TOPIC_INFO)),
    );
    stand.set_fake_service(
        Role::Jobs,
        hearth_kit::build_local_service(jobs.build_router(RouteEvent::TOPIC_INFO)),
    );
    stand.start_workers();
    Ok(ConsumerFixture { stand, log, images, jobs })
}

impl ConsumerFixture {
    fn move_tag(&self) -> Result<()> {
        let moved = TagMoved { tool: None, image: "python3.11".parse()?, tag: "latest".to_owned() };
        self.images.append_event(Timestamp::UNIX_EPOCH, &TagEvent::Moved(moved), None)
    }

    fn remove_route(&self) -> Result<()> {
        self.jobs.append_event(
            Timestamp::UNIX_EPOCH,
            &RouteEvent::Removed(RouteRemoved { tool: new_tool_id() }),
            None,
        )
    }

    async fn count_applied(&self) -> Result<(i64, i64)> {
        let db = self.stand.kit.db()?;
        let count = async |service: &str| {
            let sql = format!("SELECT count(*) FROM applied WHERE service = '{service}'");
            let tx = db.begin().await?;
            let row =
                tx.query_one_raw(Statement::from_string(db.database_backend(), sql)).await.or_db_error()?;
            row.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0)).or_db_error()
        };
        Ok((count("images").await?, count("jobs").await?))
    }

    async fn wait_until_applied(&self, images: i64, jobs: i64) -> Result<()> {
        wait_until("the events are applied", async || {
            Ok((self.count_applied().await? == (images, jobs)).then_some(()))
        })
        .await
    }

    async fn restart(&mut self) -> Result<()> {
        assert!(self.stand.kill_workers().await, "workers end when they are killed");
        self.stand.mount(build_mount(self.log.clone())).await?;
        self.stand.start_workers();
        Ok(())
    }
}

fn new_tool_id() -> ToolId {
    ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
}

async fn consumer_of_two_topics_has_a_cursor_for_each(db: Db) -> Result<()> {
    let mut fixture = start_fixture(db).await?;
    for _ in 0..3 {
        fixture.move_tag()?;
    }
    fixture.remove_route()?;
    fixture.wait_until_applied(3, 1).await?;
    // After a restart no event is applied twice: the table would reject it.
    fixture.restart().await?;
    fixture.remove_route()?;
    fixture.wait_until_applied(3, 2).await?;
    assert!(fixture.log.read_lines().is_empty(), "{:?}", fixture.log.read_lines());
    Ok(())
}

async fn missing_topic_of_an_earlier_release_does_not_stop_other_topics(db: Db) -> Result<()> {
    let mut fixture = start_fixture(db).await?;
    fixture.jobs.set_missing(true);
    fixture.restart().await?;
    fixture.remove_route()?;
    fixture.move_tag()?;
    fixture.wait_until_applied(1, 0).await?;
    // The service is upgraded.
    fixture.jobs.set_missing(false);
    fixture.restart().await?;
    fixture.wait_until_applied(1, 1).await?;
    assert!(fixture.log.read_lines().is_empty(), "{:?}", fixture.log.read_lines());
    Ok(())
}

async fn failed_effect_moves_no_cursor_and_is_repeated(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.log.fails.store(true, Ordering::SeqCst);
    fixture.move_tag()?;
    fixture.remove_route()?;
    wait_until("both have failed", async || Ok((fixture.log.read_lines().len() >= 2).then_some(()))).await?;
    assert_eq!(fixture.count_applied().await?, (0, 0));
    fixture.log.fails.store(false, Ordering::SeqCst);
    fixture.wait_until_applied(1, 1).await
}

async fn consumer_rebuilds_after_a_gap_and_continues(db: Db) -> Result<()> {
    let mut fixture = start_fixture(db).await?;
    fixture.move_tag()?;
    fixture.wait_until_applied(1, 0).await?;
    assert!(fixture.stand.kill_workers().await);
    fixture.images.delete_all(10);
    fixture.restart().await?;
    wait_until("it is rebuilt", async || Ok((fixture.log.read_lines() == ["rebuilt"]).then_some(()))).await?;
    fixture.move_tag()?;
    fixture.wait_until_applied(2, 0).await
}

async fn view_is_rebuilt_first_and_receives_only_later_events(db: Db) -> Result<()> {
    let (log, tools) = (EffectLog::default(), FakeEventStream::default());
    let view = log.clone();
    let mount = move |kit: &Kit| {
        let worker = EventConsumer::new(kit, "view", ToolEvent::TOPIC_INFO)
            .into_view_worker(RememberTypes(view.clone()));
        Ok(MountedService::new(kit, Dialect::Data, OpenApiRouter::new(), ()).with_worker(worker))
    };
    let mut stand =
        ServiceStand::start_service(Role::Edge, db, mount, HearthConfig::default(), Default::default())
            .await?;
    tools.append_event(Timestamp::UNIX_EPOCH, &ToolEvent::Created(ToolOnly { tool: new_tool_id() }), None)?;
    stand.set_fake_service(
        Role::Accounts,
        hearth_kit::build_local_service(tools.build_router(ToolEvent::TOPIC_INFO)),
    );
    stand.start_workers();
    wait_until("it is rebuilt", async || Ok((log.read_lines() == ["rebuilt"]).then_some(()))).await?;
    tools.append_event(Timestamp::UNIX_EPOCH, &ToolEvent::Erased(ToolOnly { tool: new_tool_id() }), None)?;
    wait_until("it is applied", async || Ok((log.read_lines() == ["rebuilt", "tool.erased"]).then_some(())))
        .await?;
    // After lost events the view is rebuilt from the beginning.
    tools.delete_all(10);
    tools.append_event(Timestamp::UNIX_EPOCH, &ToolEvent::Created(ToolOnly { tool: new_tool_id() }), None)?;
    wait_until("it is rebuilt", async || Ok((log.read_lines().len() == 3).then_some(()))).await?;
    assert_eq!(log.read_lines()[2], "rebuilt");
    Ok(())
}

on_every_store!(
    consumer_of_two_topics_has_a_cursor_for_each,
    missing_topic_of_an_earlier_release_does_not_stop_other_topics,
    failed_effect_moves_no_cursor_and_is_repeated,
    consumer_rebuilds_after_a_gap_and_continues,
    view_is_rebuilt_first_and_receives_only_later_events,
);
