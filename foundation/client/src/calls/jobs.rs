//! Calls about jobs and their runs.

use std::fmt;

use hearth_base::{JobName, Result, SealingKey, ToolId, ToolName};
use hearth_wire::{
    jobs::{
        DueHistory, Job, JobChanged, JobCreate, JobMetrics, JobOne, JobQuotas, JobUpdateQuery, JobsImages,
        JobsList, JobsLogsQuery, JobsQuery, JobsQuota, MetricsOne, MetricsQuery, ReplicasPut, Run, RunOne,
        RunQuery, RunsList, SchedulePlan, SchedulePlanOne, ScheduleQuery,
        internal::{JobDefinitions, JobRestore, JobsWithEnvvars, RoutePage, RoutesQuery, SealingKeyOne},
        page_sleep::{PageActivityReport, PageWake},
    },
    reply::{Done, Named, Paging},
};
use http::{Method, Response};

use crate::{Body, Call, Client};

/// Calls to `/jobs/v1`.
#[derive(Debug, Clone, Copy)]
pub struct JobsCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about jobs.
    pub fn jobs(&self) -> JobsCalls<'_> {
        JobsCalls(self)
    }
}

impl JobsCalls<'_> {
    fn tool_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, "/jobs/v1/tool").segment(tool)
    }

    pub(super) fn job_call(&self, method: Method, tool: &ToolName, job: &JobName) -> Call<'_> {
        self.tool_call(method, tool).path_suffix("/jobs").segment(job)
    }

    /// Lists all jobs of a tool.
    pub async fn list(&self, tool: &ToolName, query: &JobsQuery) -> Result<Vec<Job>> {
        let call = self.tool_call(Method::GET, tool).path_suffix("/jobs").query(query);
        call.fetch_json::<Named<JobsList>>().await.map(|answer| answer.content.jobs)
    }

    /// Creates a job. A job of the same name that has ended is replaced; any other is a conflict.
    pub async fn create(&self, tool: &ToolName, job: &JobCreate) -> Result<Job> {
        let call = self.tool_call(Method::POST, tool).path_suffix("/jobs").json(job);
        call.fetch_json::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Creates a job, or updates it to this definition. The response tells whether the job changed.
    pub async fn update(&self, tool: &ToolName, job: &JobCreate) -> Result<JobChanged> {
        let call = self.tool_call(Method::PATCH, tool).path_suffix("/jobs").json(job);
        call.fetch_json::<Named<JobChanged>>().await.map(|answer| answer.content)
    }

    /// Creates a job, or changes it to exactly this definition: unset fields take their defaults.
    pub async fn replace_job(&self, tool: &ToolName, job: &JobCreate) -> Result<JobChanged> {
        let query = JobUpdateQuery { exact: true };
        let call = self.tool_call(Method::PATCH, tool).path_suffix("/jobs").query(&query).json(job);
        call.fetch_json::<Named<JobChanged>>().await.map(|answer| answer.content)
    }

    /// Stops and deletes all jobs of a tool.
    pub async fn flush(&self, tool: &ToolName) -> Result<Done> {
        let call = self.tool_call(Method::DELETE, tool).path_suffix("/jobs");
        call.fetch_json::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Shows a job.
    pub async fn show(&self, tool: &ToolName, job: &JobName, query: &JobsQuery) -> Result<Job> {
        let call = self.job_call(Method::GET, tool, job).query(query);
        call.fetch_json::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Stops and deletes a job.
    pub async fn delete(&self, tool: &ToolName, job: &JobName) -> Result<Done> {
        self.job_call(Method::DELETE, tool, job)
            .fetch_json::<Named<Done>>()
            .await
            .map(|answer| answer.content)
    }

    /// Replaces the containers of a continuous job, or runs a scheduled job now.
    pub async fn restart(&self, tool: &ToolName, job: &JobName) -> Result<Done> {
        let call = self.job_call(Method::POST, tool, job).path_suffix("/restart");
        call.fetch_json::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Lists the runs of a job, newest first.
    pub async fn list_runs(&self, tool: &ToolName, job: &JobName, paging: &Paging) -> Result<RunsList> {
        let call = self.job_call(Method::GET, tool, job).path_suffix("/runs").query(paging);
        call.fetch_json::<Named<RunsList>>().await.map(|answer| answer.content)
    }

    /// Runs a one-off or scheduled job now.
    pub async fn start_run(&self, tool: &ToolName, job: &JobName) -> Result<Run> {
        let call = self.job_call(Method::POST, tool, job).path_suffix("/runs");
        call.fetch_json::<Named<RunOne>>().await.map(|answer| answer.content.run)
    }

    /// Shows a run; with `wait`, after its end or after that many seconds.
    pub async fn show_run(
        &self,
        tool: &ToolName,
        job: &JobName,
        run: impl fmt::Display,
        query: &RunQuery,
    ) -> Result<Run> {
        let call = self.job_call(Method::GET, tool, job).path_suffix("/runs").segment(run).query(query);
        call.fetch_json::<Named<RunOne>>().await.map(|answer| answer.content.run)
    }

    /// Stops a run of a one-off or scheduled job.
    pub async fn stop_run(&self, tool: &ToolName, job: &JobName, run: impl fmt::Display) -> Result<Done> {
        let call =
            self.job_call(Method::POST, tool, job).path_suffix("/runs").segment(run).path_suffix("/stop");
        call.fetch_json::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Lists the due times of a scheduled job with their outcomes, newest first.
    pub async fn show_history(&self, tool: &ToolName, job: &JobName, paging: &Paging) -> Result<DueHistory> {
        let call = self.job_call(Method::GET, tool, job).path_suffix("/history").query(paging);
        call.fetch_json::<Named<DueHistory>>().await.map(|answer| answer.content)
    }

    /// Shows the resource usage of a job.
    pub async fn show_metrics(
        &self,
        tool: &ToolName,
        job: &JobName,
        query: &MetricsQuery,
    ) -> Result<JobMetrics> {
        let call = self.job_call(Method::GET, tool, job).path_suffix("/metrics").query(query);
        call.fetch_json::<Named<MetricsOne>>().await.map(|answer| answer.content.metrics)
    }

    /// Shows the total resource usage of a tool's jobs.
    pub async fn show_tool_metrics(&self, tool: &ToolName, query: &MetricsQuery) -> Result<JobMetrics> {
        let call = self.tool_call(Method::GET, tool).path_suffix("/metrics").query(query);
        call.fetch_json::<Named<MetricsOne>>().await.map(|answer| answer.content.metrics)
    }

    /// Stops the containers and runs of a job; the job remains.
    pub async fn stop(&self, tool: &ToolName, job: &JobName) -> Result<Job> {
        let call = self.job_call(Method::POST, tool, job).path_suffix("/stop");
        call.fetch_json::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Changes the number of replicas of a continuous job.
    pub async fn scale_job(&self, tool: &ToolName, job: &JobName, replicas: ReplicasPut) -> Result<Job> {
        let call = self.job_call(Method::PUT, tool, job).path_suffix("/replicas").json(&replicas);
        call.fetch_json::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Pauses a job until it is resumed.
    pub async fn pause(&self, tool: &ToolName, job: &JobName) -> Result<Job> {
        let call = self.job_call(Method::POST, tool, job).path_suffix("/pause");
        call.fetch_json::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Resumes a paused job.
    pub async fn resume(&self, tool: &ToolName, job: &JobName) -> Result<Job> {
        let call = self.job_call(Method::POST, tool, job).path_suffix("/resume");
        call.fetch_json::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Previews a schedule and its next due times.
    pub async fn preview_schedule(&self, tool: &ToolName, query: &ScheduleQuery) -> Result<SchedulePlan> {
        let call = self.tool_call(Method::GET, tool).path_suffix("/schedule").query(query);
        call.fetch_json::<Named<SchedulePlanOne>>().await.map(|answer| answer.content.schedule)
    }

    /// Streams the log of a job as text, one line a line; follows it on request.
    pub async fn stream_logs(
        &self,
        tool: &ToolName,
        job: &JobName,
        query: &JobsLogsQuery,
    ) -> Result<Response<Body>> {
        self.job_call(Method::GET, tool, job).path_suffix("/logs").query(query).send_streaming().await
    }

    /// Lists the images that the tool's jobs can use.
    pub async fn list_images(&self, tool: &ToolName) -> Result<JobsImages> {
        let call = self.tool_call(Method::GET, tool).path_suffix("/images");
        call.fetch_json::<Named<JobsImages>>().await.map(|answer| answer.content)
    }

    /// Shows the job quota and usage of a tool.
    pub async fn show_quota(&self, tool: &ToolName) -> Result<JobQuotas> {
        let call = self.tool_call(Method::GET, tool).path_suffix("/quotas");
        call.fetch_json::<Named<JobsQuota>>().await.map(|answer| answer.content.quota)
    }

    /// Lists the routes of tools' web pages, for services.
    pub async fn list_routes(&self, query: &RoutesQuery) -> Result<RoutePage> {
        let call = self.0.build_call(Method::GET, "/jobs/v1/internal/routes").query(query);
        call.fetch_json::<Named<RoutePage>>().await.map(|answer| answer.content)
    }

    /// Lists the routes of environments' web pages, for services.
    pub async fn list_environment_routes(&self, query: &RoutesQuery) -> Result<RoutePage> {
        let call = self.0.build_call(Method::GET, "/jobs/v1/internal/environment-routes").query(query);
        call.fetch_json::<Named<RoutePage>>().await.map(|answer| answer.content)
    }

    /// Reports visits of pages that sleep without them, for `edge`.
    pub async fn report_page_activity(&self, report: &PageActivityReport) -> Result<Done> {
        let call = self.0.build_call(Method::POST, "/jobs/v1/internal/page-activity").json(report);
        call.fetch_json::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Wakes a sleeping page, for `edge`. A page that does not sleep is left as it is.
    pub async fn wake_page(&self, page: &PageWake) -> Result<Done> {
        let call = self.0.build_call(Method::POST, "/jobs/v1/internal/page-wake").json(page);
        call.fetch_json::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Fetches the public key that seals values for the runtime, for `envvars`.
    pub async fn fetch_sealing_key(&self) -> Result<SealingKey> {
        let call = self.0.build_call(Method::GET, "/jobs/v1/internal/sealing-key");
        SealingKey::from_text(&call.fetch_json::<Named<SealingKeyOne>>().await?.content.sealing_key)
    }

    /// Lists the jobs of a tool with outdated variables, for `envvars`.
    pub async fn show_envvar_states(&self, tool: ToolId) -> Result<JobsWithEnvvars> {
        let call =
            self.0.build_call(Method::GET, "/jobs/v1/internal/tools").segment(tool).path_suffix("/envvars");
        call.fetch_json::<Named<JobsWithEnvvars>>().await.map(|answer| answer.content)
    }

    /// Returns a job to its state before a failed deployment, for `components`.
    pub async fn restore_job(&self, tool: ToolId, job: &JobName, restore: &JobRestore) -> Result<Done> {
        let call = self.0.build_call(Method::POST, "/jobs/v1/internal/tools").segment(tool);
        let call = call.path_suffix("/jobs").segment(job).path_suffix("/restore").json(restore);
        call.fetch_json::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Lists the definitions of a tool's jobs, for `components`.
    pub async fn list_definitions(&self, tool: ToolId) -> Result<Vec<JobCreate>> {
        let call = self.0.build_call(Method::GET, "/jobs/v1/internal/tools").segment(tool);
        let answer = call.path_suffix("/definitions").fetch_json::<Named<JobDefinitions>>().await?;
        Ok(answer.content.definitions)
    }
}
