//! Calls about builds.

use std::time::Duration;

use hearth_base::{BuildId, BuilderName, ErrorKind, PackageSourceName, Result, SourceId, ToolName};
use hearth_wire::{
    builds::{
        Build, BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildLogQuery, BuildNew, BuildOne,
        BuildQuery, BuildQuota, BuildQuotaOne, BuildStarted, Builder, BuilderList, BuilderOne, PackageSource,
        PackageSourceList, PackageSourceOne, PackageSourcePut, SourceOne, ToolPackageSource,
        ToolPackageSourceList, UploadedFolder,
        former_finish::FormerBuildFinish,
        internal::{
            BuildClaim, BuildClaimReply, BuildFinish, BuildHeartbeat, BuildHeartbeatReply, BuildLogReport,
            BuildLogReported, RegistryToken, RegistryTokenCreate, SbomUpload,
        },
        outside::{BuilderChoice, OutsideBuilderCreate, OutsideBuilderList, OutsideBuilderSecret},
        provenance::ProvenanceKeys,
    },
    reply::{Done, Paging},
};
use http::{Method, Response};

use crate::{Body, Client};

/// Calls to `/builds/v1`.
#[derive(Debug, Clone, Copy)]
pub struct BuildsCalls<'a>(pub(super) &'a Client);

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

    /// Repeats a build, to compare the images.
    pub async fn reproduce_build(&self, tool: &ToolName, build: BuildId) -> Result<BuildNew> {
        let call =
            self.0.build_call(Method::POST, TOOL_PATH).segment(tool).path_suffix("/builds").segment(build);
        call.path_suffix("/reproduce").fetch_json::<BuildStarted>().await.map(|answer| answer.new_build)
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

    /// Lists the package sources that the builds of a tool get besides Debian.
    pub async fn list_tool_package_sources(&self, tool: &ToolName) -> Result<Vec<ToolPackageSource>> {
        let call = self.0.build_call(Method::GET, TOOL_PATH).segment(tool).path_suffix("/package-sources");
        call.fetch_json::<ToolPackageSourceList>().await.map(|answer| answer.package_sources)
    }

    /// For operators: grants a package source to a tool.
    pub async fn grant_package_source(&self, tool: &ToolName, name: &PackageSourceName) -> Result<()> {
        let call = self.0.build_call(Method::PUT, TOOL_PATH).segment(tool).path_suffix("/package-sources");
        call.segment(name).fetch_json::<Done>().await.map(drop)
    }

    /// For operators: takes a package source from a tool.
    pub async fn revoke_package_source(&self, tool: &ToolName, name: &PackageSourceName) -> Result<()> {
        let call = self.0.build_call(Method::DELETE, TOOL_PATH).segment(tool).path_suffix("/package-sources");
        call.segment(name).fetch_json::<Done>().await.map(drop)
    }

    /// For operators: lists the package sources.
    pub async fn list_package_sources(&self) -> Result<Vec<PackageSource>> {
        let call = self.0.build_call(Method::GET, PACKAGE_SOURCES_PATH);
        call.fetch_json::<PackageSourceList>().await.map(|answer| answer.package_sources)
    }

    /// For operators: shows a package source.
    pub async fn show_package_source(&self, name: &PackageSourceName) -> Result<PackageSource> {
        let call = self.0.build_call(Method::GET, PACKAGE_SOURCES_PATH).segment(name);
        call.fetch_json::<PackageSourceOne>().await.map(|answer| answer.package_source)
    }

    /// For operators: adds a package source, or replaces its content.
    pub async fn put_package_source(
        &self,
        name: &PackageSourceName,
        put: &PackageSourcePut,
    ) -> Result<PackageSource> {
        let call = self.0.build_call(Method::PUT, PACKAGE_SOURCES_PATH).segment(name).json(put);
        call.fetch_json::<PackageSourceOne>().await.map(|answer| answer.package_source)
    }

    /// For operators: removes a package source and its grants.
    pub async fn remove_package_source(&self, name: &PackageSourceName) -> Result<()> {
        let call = self.0.build_call(Method::DELETE, PACKAGE_SOURCES_PATH).segment(name);
        call.fetch_json::<Done>().await.map(drop)
    }

    /// For `accounts`: checks that a package source exists.
    pub async fn check_package_source(&self, name: &PackageSourceName) -> Result<()> {
        let call = self.0.build_call(Method::GET, "/builds/v1/internal/package-sources").segment(name);
        call.fetch_json::<Done>().await.map(drop)
    }

    /// For the builder: claims a build.
    pub async fn claim_build(&self, claim: &BuildClaim) -> Result<BuildClaimReply> {
        self.0.build_call(Method::POST, "/builds/v1/internal/claims").json(claim).fetch_json().await
    }

    /// For builders: reports progress; with a ticket, this extends its lease.
    pub async fn heartbeat(&self, build: BuildId, beat: &BuildHeartbeat) -> Result<BuildHeartbeatReply> {
        let send = async |path, suffix| {
            let call = self.0.build_call(Method::POST, path).segment(build).path_suffix(suffix);
            call.json(beat).fetch_json().await
        };
        match send(REPORTS_PATH, "/heartbeat").await {
            // A service of release 0.1.0 does not know this path.
            Err(error) if error.kind() == ErrorKind::NotFound => send(INTERNAL_PATH, "/beat").await,
            reply => reply,
        }
    }

    /// For builders: ends a build or an attempt.
    pub async fn finish_build(&self, build: BuildId, finish: &BuildFinish) -> Result<()> {
        let prepare = |path| self.0.build_call(Method::POST, path).segment(build).path_suffix("/finish");
        match prepare(REPORTS_PATH).json(finish).fetch_json::<Done>().await {
            // A service of release 0.1.0 knows neither this path nor this form.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let former = FormerBuildFinish::from(finish.clone());
                prepare(INTERNAL_PATH).json(&former).fetch_json::<Done>().await.map(|_| ())
            }
            reply => reply.map(|_| ()),
        }
    }

    /// For outside builders: sends lines of the log.
    pub async fn send_log_lines(&self, build: BuildId, lines: &BuildLogReport) -> Result<BuildLogReported> {
        let call = self.0.build_call(Method::POST, REPORTS_PATH).segment(build).path_suffix("/log");
        call.json(lines).fetch_json().await
    }

    /// For outside builders: streams the archive of the uploaded folder.
    pub async fn open_build_source(&self, build: BuildId) -> Result<Response<Body>> {
        let call = self.0.build_call(Method::GET, REPORTS_PATH).segment(build).path_suffix("/source");
        call.send_streaming().await
    }

    /// For the builder: creates a token of the registry that ends with the lease.
    pub async fn create_registry_token(
        &self,
        build: BuildId,
        create: &RegistryTokenCreate,
    ) -> Result<RegistryToken> {
        let call = self.0.build_call(Method::POST, INTERNAL_PATH).segment(build);
        call.path_suffix("/registry-token").json(create).fetch_json().await
    }

    /// Lists the outside builders that a tool may choose, and its choice.
    pub async fn list_tool_builders(&self, tool: &ToolName) -> Result<OutsideBuilderList> {
        self.0.build_call(Method::GET, TOOL_PATH).segment(tool).path_suffix("/builders").fetch_json().await
    }

    /// Registers an outside builder of a tool.
    pub async fn add_tool_builder(
        &self,
        tool: &ToolName,
        create: &OutsideBuilderCreate,
    ) -> Result<OutsideBuilderSecret> {
        let call = self.0.build_call(Method::POST, TOOL_PATH).segment(tool).path_suffix("/builders");
        call.json(create).fetch_json().await
    }

    /// Removes an outside builder of a tool.
    pub async fn remove_tool_builder(&self, tool: &ToolName, builder: &BuilderName) -> Result<()> {
        let call = self.0.build_call(Method::DELETE, TOOL_PATH).segment(tool).path_suffix("/builders");
        call.segment(builder).fetch_json::<Done>().await.map(|_| ())
    }

    /// Chooses the builder of a tool's builds.
    pub async fn choose_tool_builder(&self, tool: &ToolName, choice: &BuilderChoice) -> Result<()> {
        let call = self.0.build_call(Method::PUT, TOOL_PATH).segment(tool).path_suffix("/builder");
        call.json(choice).fetch_json::<Done>().await.map(|_| ())
    }

    /// For operators: lists the outside builders of all tools.
    pub async fn list_outside_builders(&self) -> Result<OutsideBuilderList> {
        self.0.build_call(Method::GET, OUTSIDE_BUILDERS_PATH).fetch_json().await
    }

    /// For operators: registers an outside builder of all tools.
    pub async fn add_outside_builder(&self, create: &OutsideBuilderCreate) -> Result<OutsideBuilderSecret> {
        self.0.build_call(Method::POST, OUTSIDE_BUILDERS_PATH).json(create).fetch_json().await
    }

    /// For operators: removes an outside builder of all tools.
    pub async fn remove_outside_builder(&self, builder: &BuilderName) -> Result<()> {
        let call = self.0.build_call(Method::DELETE, OUTSIDE_BUILDERS_PATH).segment(builder);
        call.fetch_json::<Done>().await.map(|_| ())
    }

    /// For the builder: attaches the SBOM of the image that a leased build has pushed.
    pub async fn store_sbom(&self, build: BuildId, sbom: &SbomUpload) -> Result<()> {
        let call =
            self.0.build_call(Method::PUT, INTERNAL_PATH).segment(build).path_suffix("/sbom").json(sbom);
        call.fetch_json::<Done>().await.map(|_| ())
    }

    /// For the builder: streams the archive of an uploaded folder.
    pub async fn open_source(&self, source: SourceId) -> Result<Response<Body>> {
        self.0.build_call(Method::GET, "/builds/v1/internal/sources").segment(source).send_streaming().await
    }
}

pub(super) const TOOL_PATH: &str = "/builds/v1/tool";
const PACKAGE_SOURCES_PATH: &str = "/builds/v1/package-sources";
const OUTSIDE_BUILDERS_PATH: &str = "/builds/v1/outside-builders";
const REPORTS_PATH: &str = "/builds/v1/reports";
const BUILDERS_PATH: &str = "/builds/v1/builders";
const INTERNAL_PATH: &str = "/builds/v1/internal/builds";
