//! Attacks of a tool that somebody owns.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use hearth_base::{Error, Memory, Result, ToolName};
use hearth_client::{Client, box_body};
use hearth_wire::{
    jobs::{JobCreate, JobType},
    tools::{QuotaPatch, ToolCreate},
};
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use super::{Attack, AttackingAddress, RunningAttack, neighbor::wait_for_page};
use crate::{Hearth, Person};

/// Connections that read the tool's page: more than one tool may have at a time.
const UNREAD_PAGE_COUNT: usize = 300;
/// Size of the tool's page: more than the buffers of a connection.
const PAGE_BYTES: u64 = 16 << 20;
/// Uploads at a time.
const UPLOAD_COUNT: usize = 8;
/// Bytes of each upload.
const UPLOAD_BYTES: usize = 32 << 20;
/// Bytes of a chunk of an upload.
const CHUNK_BYTES: usize = 64 << 10;
/// Quota of the tool in the registry, which its uploads exceed.
const IMAGE_QUOTA_BYTES: u64 = 64 << 20;
/// Name of the job that writes without a pause.
const FLOOD_JOB: &str = "flood";

/// A tool whose owner attacks.
pub struct AttackingTool {
    name: ToolName,
    client: Client,
    address: AttackingAddress,
}

impl AttackingTool {
    /// Creates the tool `attacker` of a new user, with a large page. It attacks from `address`.
    pub async fn create(hearth: &Hearth, operator: &Person, address: AttackingAddress) -> Result<Self> {
        let owner = hearth.invite_person(operator, "attacker-owner").await?;
        let name: ToolName = "attacker".parse()?;
        owner.client.tools().create(&ToolCreate { name: name.clone(), description: String::new() }).await?;
        let patch = QuotaPatch {
            image_storage: Some(Some(Memory::from_bytes(IMAGE_QUOTA_BYTES))),
            ..QuotaPatch::default()
        };
        operator.client.tools().update_quota(&name, &patch).await?;
        let client = hearth.client_with_token(&owner.create_token(&[]).await?)?;
        let page = format!(
            "mkdir /tmp/www; truncate -s {PAGE_BYTES} /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www"
        );
        let page = JobCreate {
            job_type: Some(JobType::Webservice),
            ..JobCreate::new("web".parse()?, "bookworm", page)
        };
        client.jobs().create(&name, &page).await?;
        wait_for_page(hearth, &name).await?;
        Ok(Self { name, client, address })
    }

    /// Begins an attack of [`Attack::BY_TOOL`].
    pub async fn begin(&self, attack: Attack) -> Result<RunningAttack> {
        let mut running = RunningAttack::default();
        match attack {
            Attack::UnreadPages => {
                let request = format!("GET / HTTP/1.1\r\nhost: {}.localhost\r\n\r\n", self.name);
                running.connections = self.address.open_connections(UNREAD_PAGE_COUNT, &request).await?;
            }
            Attack::Uploads => {
                for number in 0..UPLOAD_COUNT {
                    let (client, path) = (self.client.clone(), format!("/v2/tool-{}/u{number}", self.name));
                    running.tasks.spawn(async move {
                        loop {
                            // The quota refuses it sooner or later.
                            let _refused = upload_chunked(&client, &path).await;
                            tokio::task::yield_now().await;
                        }
                    });
                }
            }
            Attack::LogFlood => {
                let job =
                    JobCreate::new(FLOOD_JOB.parse()?, "bookworm", "yes a line of a log that never ends");
                let client = self.client.clone();
                // Left over from an earlier round.
                let _absent = client.jobs().delete(&self.name, &job.name).await;
                client.jobs().create(&self.name, &job).await?;
            }
            _ => return Err(Error::internal(format!("{attack} is an attack of an address"))),
        }
        Ok(running)
    }

    /// Ends what an attack leaves running: its job and its images.
    pub async fn clean_up(&self) -> Result<()> {
        let _absent = self.client.jobs().delete(&self.name, &FLOOD_JOB.parse()?).await;
        Ok(())
    }

    /// Deletes the jobs of the tool.
    pub async fn stop(&self) -> Result<()> {
        self.client.jobs().flush(&self.name).await.map(drop)
    }
}

/// Begins an upload and appends chunks without a declared length. The upload stays unfinished.
async fn upload_chunked(client: &Client, repository: &str) -> Result<StatusCode> {
    let call = client.build_call(Method::POST, &format!("{repository}/blobs/uploads"));
    let reply = call.send_raw().await?;
    let location = reply.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    let Some(location) = location.map(str::to_owned) else { return Ok(reply.status()) };
    let chunk = Bytes::from(vec![7; CHUNK_BYTES]);
    let chunks =
        (0..UPLOAD_BYTES / CHUNK_BYTES).map(move |_| Ok::<_, Infallible>(Frame::data(chunk.clone())));
    let body = box_body(StreamBody::new(stream::iter(chunks)));
    let sent = client.build_call(Method::PATCH, &location).body(body).send_raw().await;
    let cancelled = client.build_call(Method::DELETE, &location).send_raw().await;
    let status = sent?.status();
    cancelled?.into_body().collect().await.map_err(Error::internal)?;
    Ok(status)
}
