//! The source: a commit is fetched by git, or an uploaded folder unpacked, in a sandbox.

use futures::StreamExt;
use hearth_base::{Result, Role};
use hearth_plan::{InMemory, LOOKED_AT, READ};
use hearth_runtime_api::RunId;
use hearth_wire::builds::internal::LeaseSource;
use http_body_util::BodyExt;

use super::{
    Make, base,
    failure::Failure,
    process::{SOURCE, script},
    report::Report,
    start_step, tail,
};
use crate::runs::{archive, feed};

const STEP: &str = "fetch";
const WAIT: &str = include_str!("../scripts/wait.sh");
const FETCH: &str = include_str!("../scripts/fetch.sh");
const UNPACK: &str = include_str!("../scripts/unpack.sh");
const PUT: &str = include_str!("../scripts/put.sh");
/// What the script ends with when git could not fetch.
const NOT_FETCHED: i32 = 71;

/// Fetches the source, and brings out what says how to build it.
pub async fn fetch(make: &Make<'_>) -> Result<InMemory, Failure> {
    let (url, commit) = match &make.lease.source {
        LeaseSource::Git { url, mirror, commit, .. } => {
            (mirror.as_ref().unwrap_or(url).clone(), commit.clone())
        }
        LeaseSource::Upload { .. } => (String::new(), String::new()),
    };
    let names = READ.into_iter().chain(LOOKED_AT).map(str::to_owned);
    let arguments = [url, commit, SOURCE.to_owned()].into_iter().chain(names);
    let run = start_step(make, STEP, script(&[WAIT, FETCH], arguments)).await?;
    give(make, run).await?;

    let mut report = Report::default();
    let meant = [(NOT_FETCHED, "The repository could not be fetched.")];
    tail::follow(make, run, STEP, "Fetching the source", &meant, &mut |line| report.take(line)).await?;
    // Its lines went with the process that had taken them: another attempt fetches again.
    report.source().ok_or_else(|| Failure::Elsewhere("What was fetched was lost.".to_owned()))
}

/// Gives the run what it waits for. Whoever adopts it does the same again, which changes nothing.
async fn give(make: &Make<'_>, run: RunId) -> Result<(), Failure> {
    if !make.runs.waits(run).await? {
        return Ok(());
    }
    let runtime = &*make.cx.runtime;
    if let LeaseSource::Upload { id, .. } = &make.lease.source {
        let archive = make.cx.of(Role::Builds)?.builds().source(*id).await?;
        let unpack = script(&[UNPACK], [SOURCE.to_owned()]);
        feed(runtime, run, unpack, archive.into_body().into_data_stream()).await?;
    }
    let files = archive(&[("ca.crt", base::ca_bundle(make).await)])?;
    put(make, run, files).await
}

/// Gives a run its small files, and lets it go on.
pub async fn put(make: &Make<'_>, run: RunId, files: Vec<u8>) -> Result<(), Failure> {
    let pieces: Vec<_> =
        files.chunks(32 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec().into())).collect();
    let put = script(&[PUT], []);
    feed(&*make.cx.runtime, run, put, futures::stream::iter(pieces).boxed()).await.map_err(Failure::from)
}
