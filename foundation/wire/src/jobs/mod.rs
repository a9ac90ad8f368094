//! What is to run, and what became of it: `/jobs/v1`.

mod create;
pub mod events;
mod exec;
mod health;
mod image;
pub mod internal;
mod job;
mod metrics;
mod quota;
mod run;
mod schedule;

pub use create::{Concurrency, Emails, JobCreate, JobType, MountMode, PortProtocol};
pub use exec::{EXEC_PROTOCOL, ExecDecoder, ExecEnd, ExecFrame, ExecOpen, ExecSize};
pub use health::{Checks, HealthAsk, HealthCheck, HealthCheckWritten, HealthSort, StopPolicy, StopSignal};
pub use image::{Image, JobsImages};
pub use job::{Job, JobChanged, JobOne, JobStatus, JobsList, JobsQuery, StatusShort};
pub use metrics::{Metrics, MetricsOne, MetricsQuery, Sample};
pub use quota::{JobsQuota, QuotaCategory, QuotaItem, Quotas};
pub use run::{
    ExecQuery, JobsLogsQuery, ReplicasPut, Run, RunEnd, RunOne, RunQuery, RunState, RunsList, Wait,
};
pub use schedule::{Due, DueOutcome, DueTime, History, SchedulePlan, SchedulePlanOne, ScheduleQuery};
