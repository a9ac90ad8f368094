//! Very long lists of refs: their memory and their number at one time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use hearth_base::{Error, Result};
use hearth_kit::db::Db;
use hearth_testkit::{DatabaseKind, ScratchDatabase, on_every_store};
use hearth_wire::builds::{BuildCreate, BuildCreateQuery};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::fixture::{start_fixture, start_fixture_with};

const LISTED_COMMIT: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Refs in one list, which has about 16 MB.
const REF_COUNT: usize = 200_000;
/// Allowed growth of this process, far below the size of the lists.
const MAX_GROWTH_KIB: u64 = 64 << 10;

/// A server of one long list of refs, for every path.
struct RefListServer {
    address: String,
    most_at_once: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl RefListServer {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?.to_string();
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let most_at_once = Arc::clone(&most);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (open, most) = (Arc::clone(&open), Arc::clone(&most));
                answers.spawn(async move {
                    most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    send_ref_list(stream).await.unwrap_or_default();
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Ok(Self { address, most_at_once, _task: task })
    }
}

async fn send_ref_list(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = BufReader::new(&mut stream);
    let mut line = String::new();
    while request.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let packet = |text: String| format!("{:04x}{text}", text.len() + 4);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\
                Connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(packet("# service=git-upload-pack\n".to_owned()).as_bytes()).await?;
    stream.write_all(b"0000").await?;
    for first in (0..REF_COUNT).step_by(1000) {
        let refs = first..first + 1000;
        let lines =
            refs.map(|number| packet(format!("{LISTED_COMMIT} refs/heads/some/longer/branch/{number:09}\n")));
        stream.write_all(lines.collect::<String>().as_bytes()).await?;
    }
    stream.write_all(packet(format!("{LISTED_COMMIT} refs/heads/wanted\n")).as_bytes()).await?;
    stream.write_all(b"0000").await?;
    stream.shutdown().await
}

/// Reads a number of this process in KiB, such as `VmRSS` (`proc_pid_status(5)`).
fn read_memory_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn long_ref_lists_of_one_tool_need_little_memory_and_few_connections() -> Result<()> {
    let server = RefListServer::start().await?;
    let scratch = ScratchDatabase::new(DatabaseKind::Sqlite).await?;
    let fixture = start_fixture_with(scratch.db(), &server.address).await?;
    // Resets the peak (`proc_pid_clear_refs(5)`).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = read_memory_kib("VmRSS");
    let create = BuildCreate {
        source_url: Some(format!("http://{}/long", server.address)),
        reference: Some("wanted".to_owned()),
        ..BuildCreate::default()
    };
    let query = BuildCreateQuery { queue: true, ..BuildCreateQuery::default() };
    let builds = fixture.maintainer.builds();
    let starts = (0..6).map(|_| builds.start(&fixture.tool, &create, &query));
    for started in join_all(starts).await {
        assert_eq!(started?.resolved_ref, LISTED_COMMIT);
    }
    let growth = read_memory_kib("VmHWM").saturating_sub(before);
    assert!(growth < MAX_GROWTH_KIB, "the process grew by {growth} KiB");
    assert!(server.most_at_once.load(Ordering::SeqCst) <= 2, "a tool has two requests at one time");
    Ok(())
}

async fn start_over_the_quota_asks_no_repository(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    fixture.start_build().await?;
    // A request to this repository would be refused with another code.
    let create =
        BuildCreate { source_url: Some("http://127.0.0.1:1/none".to_owned()), ..BuildCreate::default() };
    let query = BuildCreateQuery::default();
    let refused = fixture.maintainer.builds().start(&fixture.tool, &create, &query).await.err().unwrap();
    assert_eq!(refused.code(), "too-many-builds");
    Ok(())
}

on_every_store!(start_over_the_quota_asks_no_repository);
