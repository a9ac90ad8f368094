//! Event streams.

use std::time::Duration;

use hearth_base::{Clock, Entropy, EventId, Result, SystemClock, ToolId};
use hearth_kit::{
    db::{Db, migrate},
    events::{CreateEvents, EventStream, NewEvent},
    tasks::BackgroundTasks,
};
use hearth_wire::{
    accounts::internal::{AccessChanged, AccessEvent, ToolEvent, ToolOnly},
    events::{Event, EventBatch, EventsQuery, Notice, Topic},
};
use jiff::{SignedDuration, Timestamp};

async fn open_stream(db: &Db) -> Result<EventStream> {
    migrate(db, || vec![Box::new(CreateEvents)]).await?;
    Ok(EventStream::new(db.clone(), BackgroundTasks::new().shutdown_signal()))
}

fn build_access_event(number: u32) -> AccessEvent {
    AccessEvent::Changed(AccessChanged { about: number.to_string() })
}

fn new_event<T: Topic>(event: &T, time: Timestamp) -> Result<NewEvent> {
    NewEvent::new(EventId::new(time, &Entropy::System), time, event)
}

async fn append_event(stream: &EventStream, db: &Db, number: u32) -> Result<()> {
    append_event_at(stream, db, number, SystemClock.now()).await
}

async fn append_event_at(stream: &EventStream, db: &Db, number: u32, time: Timestamp) -> Result<()> {
    let tx = db.begin().await?;
    stream.append(&tx, [new_event(&build_access_event(number), time)?]).await?;
    tx.commit().await
}

async fn read_batch(stream: &EventStream, after: Option<i64>) -> Result<EventBatch> {
    stream.read(AccessEvent::TOPIC_INFO, &EventsQuery::after_position(after, Duration::ZERO)).await
}

fn read_numbers(events: &[Event]) -> Vec<String> {
    let number = |event: &Event| match event.decode().unwrap() {
        Some(AccessEvent::Changed(AccessChanged { about })) => about,
        None => panic!("an unknown type"),
    };
    events.iter().map(number).collect()
}

async fn events_are_read_in_order_and_once(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    for number in 0..5 {
        append_event(&stream, &db, number).await?;
    }
    let first = read_batch(&stream, None).await?;
    let positions: Vec<_> = first.events.iter().map(|event| event.position).collect();
    assert_eq!((positions, first.next), (vec![1, 2, 3, 4, 5], 5));
    assert!(first.events.iter().all(|event| event.event_type == "access.changed"));
    append_event(&stream, &db, 5).await?;
    assert_eq!(read_numbers(&read_batch(&stream, Some(5)).await?.events), ["5"]);
    let rest = read_batch(&stream, Some(6)).await?;
    assert_eq!((rest.events.len(), rest.next), (0, 6));
    assert_eq!(stream.read(AccessEvent::TOPIC_INFO, &EventsQuery::from_head()).await?.next, 6);
    assert_eq!(stream.read_head_position().await?, 6);
    Ok(())
}

async fn event_has_service_tool_time_data_and_notice(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    let now: Timestamp = "2026-05-04T12:00:00Z".parse().unwrap();
    let tool = ToolId::new(now, &Entropy::System);
    let notice = Notice { subject: "a".to_owned(), ..Notice::default() };
    let tx = db.begin().await?;
    let event = new_event(&ToolEvent::Created(ToolOnly { tool }), now)?.with_notice(Some(&notice))?;
    stream.append(&tx, [event]).await?;
    tx.commit().await?;
    let read = stream.read(ToolEvent::TOPIC_INFO, &EventsQuery::default()).await?.events.remove(0);
    let json = serde_json::to_value(&read).unwrap();
    assert_eq!(
        (&json["service"], &json["type"], &json["time"]),
        (&"accounts".into(), &"tool.created".into(), &"2026-05-04T12:00:00Z".into())
    );
    assert_eq!((json["tool"].as_str(), json["data"]["tool"].as_str()), {
        let tool = json["tool"].as_str();
        (tool, tool)
    });
    assert_eq!((read.tool, read.read_notice()?), (Some(tool), Some(notice)));
    Ok(())
}

async fn reader_of_a_topic_skips_events_of_other_topics(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    append_event(&stream, &db, 0).await?;
    let tool = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let tx = db.begin().await?;
    stream.append(&tx, [new_event(&ToolEvent::Created(ToolOnly { tool }), SystemClock.now())?]).await?;
    tx.commit().await?;
    let access = read_batch(&stream, None).await?;
    assert_eq!((access.events.len(), access.next), (1, 2));
    let tools = stream.read(ToolEvent::TOPIC_INFO, &EventsQuery::default()).await?;
    assert_eq!(tools.events.iter().map(|event| event.position).collect::<Vec<_>>(), [2]);
    Ok(())
}

async fn event_of_a_rolled_back_transaction_is_not_readable(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    let tx = db.begin().await?;
    stream.append(&tx, [new_event(&build_access_event(0), SystemClock.now())?]).await?;
    drop(tx);
    append_event(&stream, &db, 1).await?;
    assert_eq!(read_numbers(&read_batch(&stream, None).await?.events), ["1"]);
    Ok(())
}

async fn events_are_ordered_by_insertion_and_not_by_time(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    for number in 0..10 {
        let earlier = Timestamp::UNIX_EPOCH - SignedDuration::from_secs(i64::from(number));
        append_event_at(&stream, &db, number, earlier).await?;
    }
    let expected: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(read_numbers(&read_batch(&stream, None).await?.events), expected);
    Ok(())
}

async fn late_commit_is_not_missed(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    // Only PostgreSQL runs two write transactions concurrently; on SQLite the second one waits.
    if db.database_backend() == sea_orm::DatabaseBackend::Postgres {
        let slow = db.begin().await?;
        stream.append(&slow, [new_event(&build_access_event(0), SystemClock.now())?]).await?;
        append_event(&stream, &db, 1).await?;
        let seen = read_batch(&stream, None).await?.next;
        slow.commit().await?;
        assert_eq!(read_numbers(&read_batch(&stream, Some(seen)).await?.events), ["0"]);
    } else {
        append_event(&stream, &db, 1).await?;
        append_event(&stream, &db, 2).await?;
        assert_eq!(read_batch(&stream, Some(1)).await?.events.len(), 1);
    }
    Ok(())
}

async fn waiting_reader_is_woken_by_an_event(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    let after = EventsQuery::after_position(None, Duration::from_secs(20));
    let (waited, appended) =
        tokio::join!(stream.read(AccessEvent::TOPIC_INFO, &after), append_event(&stream, &db, 1));
    appended?;
    assert_eq!(waited?.events.len(), 1);
    Ok(())
}

async fn reader_gets_a_gap_error_for_deleted_events(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    let now = SystemClock.now();
    for number in 0..3 {
        append_event_at(&stream, &db, number, now).await?;
    }
    let later = now + EventStream::EVENT_RETENTION;
    append_event_at(&stream, &db, 3, later).await?;
    assert_eq!(read_batch(&stream, None).await?.next, 4);
    let delete_at = async |time: Timestamp| {
        let tx = db.begin().await?;
        let deleted = stream.delete_old_events(&tx, time).await?;
        tx.commit().await?;
        Ok::<_, hearth_base::Error>(deleted)
    };
    let after_retention = later + SignedDuration::from_secs(1);
    assert_eq!((delete_at(after_retention).await?, delete_at(after_retention).await?), (3, 0));
    let gap = |batch: Result<EventBatch>| batch.err().map(|error| error.code().to_owned());
    assert_eq!(gap(read_batch(&stream, Some(2)).await).as_deref(), Some("event-gap"));
    assert_eq!(read_numbers(&read_batch(&stream, Some(3)).await?.events), ["3"]);
    assert_eq!(read_numbers(&read_batch(&stream, None).await?.events), ["3"]);
    // The last event is deleted too; a reader that has seen it gets no gap error.
    assert_eq!(delete_at(later + EventStream::EVENT_RETENTION + SignedDuration::from_secs(1)).await?, 1);
    assert_eq!(gap(read_batch(&stream, Some(3)).await).as_deref(), Some("event-gap"));
    assert_eq!(read_batch(&stream, Some(4)).await?.events.len(), 0);
    Ok(())
}

async fn position_beyond_the_head_is_a_gap(db: Db) -> Result<()> {
    let stream = open_stream(&db).await?;
    append_event(&stream, &db, 0).await?;
    let refused = read_batch(&stream, Some(7)).await.unwrap_err();
    assert_eq!(refused.code(), "event-gap");
    Ok(())
}

hearth_testkit::on_every_database!(
    events_are_read_in_order_and_once,
    event_has_service_tool_time_data_and_notice,
    reader_of_a_topic_skips_events_of_other_topics,
    event_of_a_rolled_back_transaction_is_not_readable,
    events_are_ordered_by_insertion_and_not_by_time,
    late_commit_is_not_missed,
    waiting_reader_is_woken_by_an_event,
    reader_gets_a_gap_error_for_deleted_events,
    position_beyond_the_head_is_a_gap,
);
