//! Streams of events.

use std::time::Duration;

use hearth_base::{Clock, Entropy, EventId, Result, SystemClock, ToolId};
use hearth_kit::{
    db::{Db, migrate},
    events::{CreateEvents, NewEvent, Stream},
    tasks::Tasks,
};
use hearth_wire::{
    accounts::internal::{AccessChanged, AccessEvent, ToolEvent, ToolOnly},
    events::{After, Event, EventBatch, Notice, Topic},
};
use jiff::{SignedDuration, Timestamp};

async fn stream(db: &Db) -> Result<Stream> {
    migrate(db, || vec![Box::new(CreateEvents)]).await?;
    Ok(Stream::new(db.clone(), Tasks::new().stop_sign()))
}

fn access(number: u32) -> AccessEvent {
    AccessEvent::Changed(AccessChanged { about: number.to_string() })
}

fn new_event<T: Topic>(event: &T, time: Timestamp) -> Result<NewEvent> {
    NewEvent::new(EventId::new(time, &Entropy::System), time, event)
}

async fn append(stream: &Stream, db: &Db, number: u32) -> Result<()> {
    append_at(stream, db, number, SystemClock.now()).await
}

async fn append_at(stream: &Stream, db: &Db, number: u32, time: Timestamp) -> Result<()> {
    let tx = db.begin().await?;
    stream.append(&tx, [new_event(&access(number), time)?]).await?;
    tx.commit().await
}

async fn read(stream: &Stream, after: Option<i64>) -> Result<EventBatch> {
    stream.read(AccessEvent::TOPIC_INFO, &After::position(after, Duration::ZERO)).await
}

fn numbers(events: &[Event]) -> Vec<String> {
    let number = |event: &Event| match event.decode().unwrap() {
        Some(AccessEvent::Changed(AccessChanged { about })) => about,
        None => panic!("an unknown type"),
    };
    events.iter().map(number).collect()
}

async fn events_come_in_order_and_once(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    for number in 0..5 {
        append(&stream, &db, number).await?;
    }
    let first = read(&stream, None).await?;
    let positions: Vec<_> = first.events.iter().map(|event| event.position).collect();
    assert_eq!((positions, first.next), (vec![1, 2, 3, 4, 5], 5));
    assert!(first.events.iter().all(|event| event.event_type == "access.changed"));
    append(&stream, &db, 5).await?;
    assert_eq!(numbers(&read(&stream, Some(5)).await?.events), ["5"]);
    let rest = read(&stream, Some(6)).await?;
    assert_eq!((rest.events.len(), rest.next), (0, 6));
    assert_eq!(stream.read(AccessEvent::TOPIC_INFO, &After::head()).await?.next, 6);
    assert_eq!(stream.head().await?, 6);
    Ok(())
}

async fn an_event_carries_its_service_tool_time_data_and_notice(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    let now: Timestamp = "2026-05-04T12:00:00Z".parse().unwrap();
    let tool = ToolId::new(now, &Entropy::System);
    let notice = Notice { subject: "a".to_owned(), ..Notice::default() };
    let tx = db.begin().await?;
    let event = new_event(&ToolEvent::Created(ToolOnly { tool }), now)?.with_notice(Some(&notice))?;
    stream.append(&tx, [event]).await?;
    tx.commit().await?;
    let read = stream.read(ToolEvent::TOPIC_INFO, &After::default()).await?.events.remove(0);
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

async fn a_reader_of_one_topic_sees_no_other_and_its_position_moves_on(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    append(&stream, &db, 0).await?;
    let tool = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let tx = db.begin().await?;
    stream.append(&tx, [new_event(&ToolEvent::Created(ToolOnly { tool }), SystemClock.now())?]).await?;
    tx.commit().await?;
    let access = read(&stream, None).await?;
    assert_eq!((access.events.len(), access.next), (1, 2));
    let tools = stream.read(ToolEvent::TOPIC_INFO, &After::default()).await?;
    assert_eq!(tools.events.iter().map(|event| event.position).collect::<Vec<_>>(), [2]);
    Ok(())
}

async fn an_event_of_a_change_that_is_given_up_never_happened(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    let tx = db.begin().await?;
    stream.append(&tx, [new_event(&access(0), SystemClock.now())?]).await?;
    drop(tx);
    append(&stream, &db, 1).await?;
    assert_eq!(numbers(&read(&stream, None).await?.events), ["1"]);
    Ok(())
}

async fn what_was_written_first_comes_first_whatever_the_clocks_say(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    for number in 0..10 {
        let earlier = Timestamp::UNIX_EPOCH - SignedDuration::from_secs(i64::from(number));
        append_at(&stream, &db, number, earlier).await?;
    }
    let expected: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(numbers(&read(&stream, None).await?.events), expected);
    Ok(())
}

async fn a_late_commit_is_never_missed(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    // Only PostgreSQL lets two write at a time; on SQLite the second simply comes afterwards.
    if db.backend() == sea_orm::DatabaseBackend::Postgres {
        let slow = db.begin().await?;
        stream.append(&slow, [new_event(&access(0), SystemClock.now())?]).await?;
        append(&stream, &db, 1).await?;
        let seen = read(&stream, None).await?.next;
        slow.commit().await?;
        assert_eq!(numbers(&read(&stream, Some(seen)).await?.events), ["0"]);
    } else {
        append(&stream, &db, 1).await?;
        append(&stream, &db, 2).await?;
        assert_eq!(read(&stream, Some(1)).await?.events.len(), 1);
    }
    Ok(())
}

async fn a_reader_that_waits_is_woken(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    let after = After::position(None, Duration::from_secs(20));
    let (waited, appended) =
        tokio::join!(stream.read(AccessEvent::TOPIC_INFO, &after), append(&stream, &db, 1));
    appended?;
    assert_eq!(waited?.events.len(), 1);
    Ok(())
}

async fn a_reader_is_told_of_events_that_are_no_longer_kept(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    let now = SystemClock.now();
    for number in 0..3 {
        append_at(&stream, &db, number, now).await?;
    }
    let later = now + Stream::RETENTION;
    append_at(&stream, &db, 3, later).await?;
    assert_eq!(read(&stream, None).await?.next, 4);
    let delete_at = async |time: Timestamp| {
        let tx = db.begin().await?;
        let deleted = stream.delete_old(&tx, time).await?;
        tx.commit().await?;
        Ok::<_, hearth_base::Error>(deleted)
    };
    let after_retention = later + SignedDuration::from_secs(1);
    assert_eq!((delete_at(after_retention).await?, delete_at(after_retention).await?), (3, 0));
    let gap = |batch: Result<EventBatch>| batch.err().map(|error| error.code().to_owned());
    assert_eq!(gap(read(&stream, Some(2)).await).as_deref(), Some("event-gap"));
    assert_eq!(numbers(&read(&stream, Some(3)).await?.events), ["3"]);
    assert_eq!(numbers(&read(&stream, None).await?.events), ["3"]);
    // The last one goes too, and whoever has seen it misses nothing.
    assert_eq!(delete_at(later + Stream::RETENTION + SignedDuration::from_secs(1)).await?, 1);
    assert_eq!(gap(read(&stream, Some(3)).await).as_deref(), Some("event-gap"));
    assert_eq!(read(&stream, Some(4)).await?.events.len(), 0);
    Ok(())
}

async fn a_position_of_before_a_restore_is_a_gap(db: Db) -> Result<()> {
    let stream = stream(&db).await?;
    append(&stream, &db, 0).await?;
    let refused = read(&stream, Some(7)).await.unwrap_err();
    assert_eq!(refused.code(), "event-gap");
    Ok(())
}

hearth_testkit::on_every_database!(
    events_come_in_order_and_once,
    an_event_carries_its_service_tool_time_data_and_notice,
    a_reader_of_one_topic_sees_no_other_and_its_position_moves_on,
    an_event_of_a_change_that_is_given_up_never_happened,
    what_was_written_first_comes_first_whatever_the_clocks_say,
    a_late_commit_is_never_missed,
    a_reader_that_waits_is_woken,
    a_reader_is_told_of_events_that_are_no_longer_kept,
    a_position_of_before_a_restore_is_a_gap,
);
