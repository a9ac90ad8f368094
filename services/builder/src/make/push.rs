//! The image on its way to the registry, in a run where nothing of the source runs.

use hearth_base::{Access, Digest, Result};
use hearth_runtime_api::{LogLine, Stream};

use super::{
    Make, base,
    failure::Failure,
    fetch::put,
    image::local,
    process::{DOOR, SOURCE, script},
    start_step, tail,
};
use crate::runs::archive;

const STEP: &str = "push";
const WAIT: &str = include_str!("../scripts/wait.sh");
const PUSH: &str = include_str!("../scripts/push.sh");

/// Stores the image. The digest of its manifest.
pub async fn push(make: &Make<'_>) -> Result<Digest, Failure> {
    let lease = make.lease;
    let destination = format!("docker://{DOOR}/tool-{}/{}:latest", lease.tool_name, lease.image_name);
    let arguments = [local(make), destination, SOURCE.to_owned()];
    let run = start_step(make, STEP, script(&[WAIT, PUSH], arguments)).await?;
    if make.runs.waits(run).await? {
        let token = base::sign_in(make, Access::Write).await?;
        let empty = hearth_wire::images::internal::Usables { images: Vec::new() };
        let files = [
            ("auth.json", base::auth_file(&token)),
            ("registries.conf", base::registries(&empty)),
            ("ca.crt", base::ca_bundle(make).await),
        ];
        put(make, run, archive(&files)?).await?;
    }
    let mut digest = None;
    let mut sift = |line: &LogLine| {
        let found = line.text.strip_prefix("hearth-digest ").filter(|_| line.stream == Stream::Out);
        digest = found.and_then(|text| text.trim().parse().ok()).or(digest);
        found.is_some()
    };
    match tail::follow(make, run, STEP, "Storing the image", &[], &mut sift).await {
        // Nothing of the source has a say here.
        Err(Failure::Source(said)) => Err(Failure::Elsewhere(said)),
        Err(failure) => Err(failure),
        Ok(()) => digest.ok_or_else(|| Failure::Elsewhere("What was stored was lost.".to_owned())),
    }
}
