//! Calls about jobs and their runs.

use std::fmt;

use hearth_base::{JobName, Result, SealingKey, ToolId, ToolName};
use hearth_wire::{
    jobs::{
        History, Job, JobChanged, JobCreate, JobOne, JobsImages, JobsList, JobsLogsQuery, JobsQuery,
        JobsQuota, Metrics, MetricsOne, MetricsQuery, Quotas, ReplicasPut, Run, RunOne, RunQuery, RunsList,
        SchedulePlan, SchedulePlanOne, ScheduleQuery,
        internal::{JobsWithEnvvars, Routes, RoutesQuery, SealingKeyOne},
    },
    reply::{Done, Named, Paging},
};
use http::{Method, Response};

use crate::{Body, Call, Client};

/// Calls to `/jobs/v1`.
#[derive(Debug, Clone, Copy)]
pub struct JobsCalls<'a>(&'a Client);

impl Client {
    /// Calls about jobs.
    pub fn jobs(&self) -> JobsCalls<'_> {
        JobsCalls(self)
    }
}

impl JobsCalls<'_> {
    fn tool(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.call(method, "/jobs/v1/tool").segment(tool)
    }

    pub(super) fn one(&self, method: Method, tool: &ToolName, job: &JobName) -> Call<'_> {
        self.tool(method, tool).then("/jobs").segment(job)
    }

    /// All of a tool's jobs.
    pub async fn list(&self, tool: &ToolName, query: &JobsQuery) -> Result<Vec<Job>> {
        let call = self.tool(Method::GET, tool).then("/jobs").query(query);
        call.answer::<Named<JobsList>>().await.map(|answer| answer.content.jobs)
    }

    /// Makes a job. One of that name that is over is replaced; another is a conflict.
    pub async fn create(&self, tool: &ToolName, job: &JobCreate) -> Result<Job> {
        let call = self.tool(Method::POST, tool).then("/jobs").json(job);
        call.answer::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Makes a job, or makes it as this says. Whether that changed anything.
    pub async fn update(&self, tool: &ToolName, job: &JobCreate) -> Result<JobChanged> {
        let call = self.tool(Method::PATCH, tool).then("/jobs").json(job);
        call.answer::<Named<JobChanged>>().await.map(|answer| answer.content)
    }

    /// Stops and deletes all of a tool's jobs.
    pub async fn flush(&self, tool: &ToolName) -> Result<Done> {
        let call = self.tool(Method::DELETE, tool).then("/jobs");
        call.answer::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// One job.
    pub async fn show(&self, tool: &ToolName, job: &JobName, query: &JobsQuery) -> Result<Job> {
        let call = self.one(Method::GET, tool, job).query(query);
        call.answer::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Stops and deletes a job.
    pub async fn delete(&self, tool: &ToolName, job: &JobName) -> Result<Done> {
        self.one(Method::DELETE, tool, job).answer::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Replaces a continuous job's containers, or runs a scheduled job now.
    pub async fn restart(&self, tool: &ToolName, job: &JobName) -> Result<Done> {
        let call = self.one(Method::POST, tool, job).then("/restart");
        call.answer::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// Runs of a job, the newest first.
    pub async fn runs(&self, tool: &ToolName, job: &JobName, paging: &Paging) -> Result<RunsList> {
        let call = self.one(Method::GET, tool, job).then("/runs").query(paging);
        call.answer::<Named<RunsList>>().await.map(|answer| answer.content)
    }

    /// Runs a one-off or scheduled job now.
    pub async fn run_begin(&self, tool: &ToolName, job: &JobName) -> Result<Run> {
        let call = self.one(Method::POST, tool, job).then("/runs");
        call.answer::<Named<RunOne>>().await.map(|answer| answer.content.run)
    }

    /// One run; with `wait`, as soon as it is over, or as it is after so many seconds.
    pub async fn run(
        &self,
        tool: &ToolName,
        job: &JobName,
        run: impl fmt::Display,
        query: &RunQuery,
    ) -> Result<Run> {
        let call = self.one(Method::GET, tool, job).then("/runs").segment(run).query(query);
        call.answer::<Named<RunOne>>().await.map(|answer| answer.content.run)
    }

    /// Stops a run of a one-off or scheduled job.
    pub async fn run_stop(&self, tool: &ToolName, job: &JobName, run: impl fmt::Display) -> Result<Done> {
        let call = self.one(Method::POST, tool, job).then("/runs").segment(run).then("/stop");
        call.answer::<Named<Done>>().await.map(|answer| answer.content)
    }

    /// What became of a scheduled job's due times, the newest first.
    pub async fn history(&self, tool: &ToolName, job: &JobName, paging: &Paging) -> Result<History> {
        let call = self.one(Method::GET, tool, job).then("/history").query(paging);
        call.answer::<Named<History>>().await.map(|answer| answer.content)
    }

    /// What a job used.
    pub async fn metrics(&self, tool: &ToolName, job: &JobName, query: &MetricsQuery) -> Result<Metrics> {
        let call = self.one(Method::GET, tool, job).then("/metrics").query(query);
        call.answer::<Named<MetricsOne>>().await.map(|answer| answer.content.metrics)
    }

    /// What all jobs of a tool used together.
    pub async fn tool_metrics(&self, tool: &ToolName, query: &MetricsQuery) -> Result<Metrics> {
        let call = self.tool(Method::GET, tool).then("/metrics").query(query);
        call.answer::<Named<MetricsOne>>().await.map(|answer| answer.content.metrics)
    }

    /// Stops what runs of a job, which stays.
    pub async fn stop(&self, tool: &ToolName, job: &JobName) -> Result<Job> {
        let call = self.one(Method::POST, tool, job).then("/stop");
        call.answer::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Changes how many of a continuous job run side by side.
    pub async fn scale(&self, tool: &ToolName, job: &JobName, wanted: ReplicasPut) -> Result<Job> {
        let call = self.one(Method::PUT, tool, job).then("/replicas").json(&wanted);
        call.answer::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Leaves a job alone until it is resumed.
    pub async fn pause(&self, tool: &ToolName, job: &JobName) -> Result<Job> {
        let call = self.one(Method::POST, tool, job).then("/pause");
        call.answer::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// Has a paused job go on.
    pub async fn resume(&self, tool: &ToolName, job: &JobName) -> Result<Job> {
        let call = self.one(Method::POST, tool, job).then("/resume");
        call.answer::<Named<JobOne>>().await.map(|answer| answer.content.job)
    }

    /// What a schedule means, and when it would be due next.
    pub async fn schedule(&self, tool: &ToolName, query: &ScheduleQuery) -> Result<SchedulePlan> {
        let call = self.tool(Method::GET, tool).then("/schedule").query(query);
        call.answer::<Named<SchedulePlanOne>>().await.map(|answer| answer.content.schedule)
    }

    /// A job's log as text, a line each, as a stream when it follows.
    pub async fn logs(
        &self,
        tool: &ToolName,
        job: &JobName,
        query: &JobsLogsQuery,
    ) -> Result<Response<Body>> {
        self.one(Method::GET, tool, job).then("/logs").query(query).streamed().await
    }

    /// Images that the tool's jobs can use.
    pub async fn images(&self, tool: &ToolName) -> Result<JobsImages> {
        let call = self.tool(Method::GET, tool).then("/images");
        call.answer::<Named<JobsImages>>().await.map(|answer| answer.content)
    }

    /// How much the tool may run, and how much of that it does.
    pub async fn quotas(&self, tool: &ToolName) -> Result<Quotas> {
        let call = self.tool(Method::GET, tool).then("/quotas");
        call.answer::<Named<JobsQuota>>().await.map(|answer| answer.content.quota)
    }

    /// Where tools' pages are answered: for services.
    pub async fn routes(&self, query: &RoutesQuery) -> Result<Routes> {
        let call = self.0.call(Method::GET, "/jobs/v1/internal/routes").query(query);
        call.answer::<Named<Routes>>().await.map(|answer| answer.content)
    }

    /// What seals values that only the runtime opens: for `envvars`.
    pub async fn sealing_key(&self) -> Result<SealingKey> {
        let call = self.0.call(Method::GET, "/jobs/v1/internal/sealing-key");
        SealingKey::from_text(&call.answer::<Named<SealingKeyOne>>().await?.content.sealing_key)
    }

    /// How a tool's jobs stand to its variables: for `envvars`.
    pub async fn with_envvars(&self, tool: ToolId) -> Result<JobsWithEnvvars> {
        let call = self.0.call(Method::GET, "/jobs/v1/internal/tools").segment(tool).then("/envvars");
        call.answer::<Named<JobsWithEnvvars>>().await.map(|answer| answer.content)
    }
}
