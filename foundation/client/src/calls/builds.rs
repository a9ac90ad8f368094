//! Calls about builds.

use std::time::Duration;

use hearth_base::{BuildId, Result, SourceId, ToolName};
use hearth_wire::{
    builds::{
        Build, BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildLogQuery, BuildNew, BuildOne,
        BuildQuery, BuildQuota, BuildQuotaOne, BuildStarted, Source, SourceOne,
        internal::{Beat, Beaten, Claim, Claimed, Finish},
    },
    reply::{Done, Paging},
};
use http::{Method, Response};

use crate::{Body, Client};

/// Calls to `/builds/v1`.
#[derive(Debug, Clone, Copy)]
pub struct BuildsCalls<'a>(&'a Client);

impl Client {
    /// Calls about builds.
    pub fn builds(&self) -> BuildsCalls<'_> {
        BuildsCalls(self)
    }
}

impl BuildsCalls<'_> {
    /// Starts a build. A repository that cannot be read is refused at once.
    pub async fn start(
        &self,
        tool: &ToolName,
        create: &BuildCreate,
        query: &BuildCreateQuery,
    ) -> Result<BuildNew> {
        let call = self.0.call(Method::POST, TOOL).segment(tool).then("/builds").query(query).json(create);
        call.answer::<BuildStarted>().await.map(|answer| answer.new_build)
    }

    /// The tool's builds, the newest first.
    pub async fn list(&self, tool: &ToolName, paging: &Paging) -> Result<BuildList> {
        self.0.call(Method::GET, TOOL).segment(tool).then("/builds").query(paging).answer().await
    }

    /// One build.
    pub async fn show(&self, tool: &ToolName, build: BuildId) -> Result<Build> {
        let call = self.0.call(Method::GET, TOOL).segment(tool).then("/builds").segment(build);
        call.answer::<BuildOne>().await.map(|answer| answer.build)
    }

    /// One build as soon as it is over, or as it is after the wait.
    pub async fn wait(&self, tool: &ToolName, build: BuildId, query: &BuildQuery) -> Result<Build> {
        let call = self.0.call(Method::GET, TOOL).segment(tool).then("/builds").segment(build);
        call.query(query).answer::<BuildOne>().await.map(|answer| answer.build)
    }

    /// The newest build.
    pub async fn latest(&self, tool: &ToolName) -> Result<Build> {
        let call = self.0.call(Method::GET, TOOL).segment(tool).then("/builds/latest");
        call.answer::<BuildOne>().await.map(|answer| answer.build)
    }

    /// Cancels a build that runs or waits.
    pub async fn cancel(&self, tool: &ToolName, build: BuildId) -> Result<BuildChanged> {
        let call = self.0.call(Method::PUT, TOOL).segment(tool).then("/builds").segment(build);
        call.then("/cancel").answer().await
    }

    /// Forgets a build that is over; its image may go.
    pub async fn delete(&self, tool: &ToolName, build: BuildId) -> Result<BuildChanged> {
        self.0.call(Method::DELETE, TOOL).segment(tool).then("/builds").segment(build).answer().await
    }

    /// A build's log as it comes: a `BuildLogLine` in JSON on each line.
    pub async fn logs(
        &self,
        tool: &ToolName,
        build: BuildId,
        query: &BuildLogQuery,
    ) -> Result<Response<Body>> {
        let call = self.0.call(Method::GET, TOOL).segment(tool).then("/builds").segment(build);
        call.then("/logs").query(query).streamed().await
    }

    /// Forgets all of the tool's builds that are over.
    pub async fn clean(&self, tool: &ToolName) -> Result<()> {
        let call = self.0.call(Method::POST, TOOL).segment(tool).then("/clean");
        call.answer::<Done>().await.map(|_| ())
    }

    /// How much the tool may build.
    pub async fn quotas(&self, tool: &ToolName) -> Result<BuildQuota> {
        let call = self.0.call(Method::GET, TOOL).segment(tool).then("/quotas");
        call.answer::<BuildQuotaOne>().await.map(|answer| answer.quota)
    }

    /// Uploads a folder: an archive (tar, gzip), as it comes.
    pub async fn upload(&self, tool: &ToolName, archive: Body) -> Result<Source> {
        let call = self.0.call(Method::POST, TOOL).segment(tool).then("/sources");
        let call = call.header(http::header::CONTENT_TYPE, "application/gzip").body(archive);
        // An upload takes as long as the line is slow.
        call.patience(Duration::from_secs(3600)).answer::<SourceOne>().await.map(|answer| answer.source)
    }

    /// For the builder: a build to make.
    pub async fn claim(&self, claim: &Claim) -> Result<Claimed> {
        self.0.call(Method::POST, "/builds/v1/internal/claims").json(claim).answer().await
    }

    /// For the builder: it goes on.
    pub async fn beat(&self, build: BuildId, beat: &Beat) -> Result<Beaten> {
        self.0.call(Method::POST, INTERNAL).segment(build).then("/beat").json(beat).answer().await
    }

    /// For the builder: it is over.
    pub async fn finish(&self, build: BuildId, finish: &Finish) -> Result<()> {
        let call = self.0.call(Method::POST, INTERNAL).segment(build).then("/finish").json(finish);
        call.answer::<Done>().await.map(|_| ())
    }

    /// For the builder: the archive of an uploaded folder, as it comes.
    pub async fn source(&self, source: SourceId) -> Result<Response<Body>> {
        self.0.call(Method::GET, "/builds/v1/internal/sources").segment(source).streamed().await
    }
}

const TOOL: &str = "/builds/v1/tool";
const INTERNAL: &str = "/builds/v1/internal/builds";
