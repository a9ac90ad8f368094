//! Calls about builds.

use std::time::Duration;

use hearth_base::{BuildId, Result, SourceId, ToolName};
use hearth_wire::{
    builds::{
        Build, BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildLogQuery, BuildNew, BuildOne,
        BuildQuery, BuildQuota, BuildQuotaOne, BuildStarted, Builder, BuilderList, BuilderOne, SourceOne,
        UploadedFolder,
        internal::{BuildClaim, BuildClaimReply, BuildFinish, BuildHeartbeat, BuildHeartbeatReply},
        provenance::ProvenanceKeys,
    },
    reply::{Done, Paging},
};
use http::{Method, Response};

use crate::{Body, Client};

/// Calls to `/builds/v1`.
#[derive(Debug, Clone, Copy)]
pub struct BuildsCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about builds.
    pub fn builds(&self) -> BuildsCalls<'_> {
        BuildsCalls(self)
    }
}

impl BuildsCalls<'_> {
    /// Starts a build. An unreadable repository is an immediate error.
    pub async fn start(
        &self,
        tool: &ToolName,
        create: &BuildCreate,
        query: &BuildCreateQuery,
    ) -> Result<BuildNew> {
        let call = self
            .0
            .build_call(Method::POST, TOOL_PATH)
            .segment(tool)
            .path_suffix("/builds")
            .query(query)
            .json(create);
        call.fetch_json::<BuildStarted>().await.map(|answer| answer.new_build)
    }

    /// Lists the builds of a tool, newest first.
    pub async fn list(&self, tool: &ToolName, paging: &Paging) -> Result<BuildList> {
        self.0
            .build_call(Method::GET, TOOL_PATH)
            .segment(tool)
            .path_suffix("/builds")
            .query(paging)
            .fetch_json()
            .await
    }

    /// Shows a build.
    pub async fn show(&self, tool: &ToolName, build: BuildId) -> Result<Build> {
        let call =
            self.0.build_call(Method::GET, TOOL_PATH).segment(tool).path_suffix("/builds").segment(build);
        call.fetch_json::<BuildOne>().await.map(|answer| answer.build)
    }

    /// Waits for the end of a build, then shows it; after a timeout, shows its current state.
    pub async fn wait(&self, tool: &ToolName, build: BuildId, query: &BuildQuery) -> Result<Build> {
        let call =
            self.0.build_call(Method::GET, TOOL_PATH).segment(tool).path_suffix("/builds").segment(build);
        call.query(query).fetch_json::<BuildOne>().await.map(|answer| answer.build)
    }

    /// Shows the newest build.
    pub async fn show_latest(&self, tool: &ToolName) -> Result<Build> {
        let call = self.0.build_call(Method::GET, TOOL_PATH).segment(tool).path_suffix("/builds/latest");
        call.fetch_json::<BuildOne>().await.map(|answer| answer.build)
    }

    /// Lists the public keys that verify the provenance of images.
    pub async fn list_provenance_keys(&self) -> Result<ProvenanceKeys> {
        self.0.build_call(Method::GET, "/builds/v1/provenance-keys").fetch_json().await
    }

    /// Cancels a queued or running build.
    pub async fn cancel(&self, tool: &ToolName, build: BuildId) -> Result<BuildChanged> {
        let call =
            self.0.build_call(Method::PUT, TOOL_PATH).segment(tool).path_suffix("/builds").segment(build);
        call.path_suffix("/cancel").fetch_json().await
    }

    /// Deletes an ended build; its image may be deleted too.
    pub async fn delete(&self, tool: &ToolName, build: BuildId) -> Result<BuildChanged> {
        self.0
            .build_call(Method::DELETE, TOOL_PATH)
            .segment(tool)
            .path_suffix("/builds")
            .segment(build)
            .fetch_json()
            .await
    }

    /// Streams the log of a build: a `BuildLogLine` in JSON on each line.
    pub async fn stream_logs(
        &self,
        tool: &ToolName,
        build: BuildId,
        query: &BuildLogQuery,
    ) -> Result<Response<Body>> {
        let call =
            self.0.build_call(Method::GET, TOOL_PATH).segment(tool).path_suffix("/builds").segment(build);
        call.path_suffix("/logs").query(query).send_streaming().await
    }

    /// Deletes all ended builds of a tool.
    pub async fn delete_finished(&self, tool: &ToolName) -> Result<()> {
        let call = self.0.build_call(Method::POST, TOOL_PATH).segment(tool).path_suffix("/clean");
        call.fetch_json::<Done>().await.map(|_| ())
    }

    /// Shows the build quota and usage of a tool.
    pub async fn show_quota(&self, tool: &ToolName) -> Result<BuildQuota> {
        let call = self.0.build_call(Method::GET, TOOL_PATH).segment(tool).path_suffix("/quotas");
        call.fetch_json::<BuildQuotaOne>().await.map(|answer| answer.quota)
    }

    /// Uploads a folder as a streamed archive (tar, gzip).
    pub async fn upload(&self, tool: &ToolName, archive: Body) -> Result<UploadedFolder> {
        let call = self.0.build_call(Method::POST, TOOL_PATH).segment(tool).path_suffix("/sources");
        let call = call.header(http::header::CONTENT_TYPE, "application/gzip").body(archive);
        // An upload over a slow connection may take long.
        call.timeout(Duration::from_secs(3600)).fetch_json::<SourceOne>().await.map(|answer| answer.source)
    }

    /// For operators: lists the builders.
    pub async fn list_builders(&self) -> Result<Vec<Builder>> {
        let call = self.0.build_call(Method::GET, BUILDERS_PATH);
        call.fetch_json::<BuilderList>().await.map(|answer| answer.builders)
    }

    /// For operators: suspends a builder, so that it gets no further builds.
    pub async fn suspend_builder(&self, id: &str) -> Result<Builder> {
        let call = self.0.build_call(Method::POST, BUILDERS_PATH).segment(id).path_suffix("/suspend");
        call.fetch_json::<BuilderOne>().await.map(|answer| answer.builder)
    }

    /// For operators: returns a builder that was suspended.
    pub async fn return_builder(&self, id: &str) -> Result<Builder> {
        let call = self.0.build_call(Method::POST, BUILDERS_PATH).segment(id).path_suffix("/return");
        call.fetch_json::<BuilderOne>().await.map(|answer| answer.builder)
    }

    /// For the builder: claims a build.
    pub async fn claim_build(&self, claim: &BuildClaim) -> Result<BuildClaimReply> {
        self.0.build_call(Method::POST, "/builds/v1/internal/claims").json(claim).fetch_json().await
    }

    /// For the builder: extends a lease and reports progress.
    pub async fn heartbeat(&self, build: BuildId, beat: &BuildHeartbeat) -> Result<BuildHeartbeatReply> {
        self.0
            .build_call(Method::POST, INTERNAL_PATH)
            .segment(build)
            .path_suffix("/beat")
            .json(beat)
            .fetch_json()
            .await
    }

    /// For the builder: ends a build or an attempt.
    pub async fn finish_build(&self, build: BuildId, finish: &BuildFinish) -> Result<()> {
        let call =
            self.0.build_call(Method::POST, INTERNAL_PATH).segment(build).path_suffix("/finish").json(finish);
        call.fetch_json::<Done>().await.map(|_| ())
    }

    /// For the builder: streams the archive of an uploaded folder.
    pub async fn open_source(&self, source: SourceId) -> Result<Response<Body>> {
        self.0.build_call(Method::GET, "/builds/v1/internal/sources").segment(source).send_streaming().await
    }
}

const TOOL_PATH: &str = "/builds/v1/tool";
const BUILDERS_PATH: &str = "/builds/v1/builders";
const INTERNAL_PATH: &str = "/builds/v1/internal/builds";
