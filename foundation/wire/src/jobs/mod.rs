//! Jobs, their runs and schedules: `/jobs/v1`.

mod create;
pub mod events;
mod exec;
mod health;
mod image;
pub mod internal;
mod job;
mod metrics;
pub mod page_sleep;
mod preview;
mod quota;
mod run;
mod schedule;
mod variables;

pub use create::{Concurrency, Emails, JobCreate, JobType, MountMode, PortProtocol, PublishDocument};
pub use exec::{EXEC_PROTOCOL, ExecDecoder, ExecEnd, ExecFrame, ExecOpen, ExecSize};
pub use health::{Checks, HealthCheck, HealthCheckDocument, HealthProbe, HealthSort, StopPolicy, StopSignal};
pub use image::{JobImage, JobsImages};
pub use job::{Job, JobChanged, JobOne, JobStatus, JobUpdateQuery, JobsList, JobsQuery, StatusShort};
pub use metrics::{JobMetrics, MetricsOne, MetricsQuery, MetricsSample};
pub use preview::JobPreview;
pub use quota::{JobQuotas, JobsQuota, QuotaCategory, QuotaItem};
pub use run::{
    ExecQuery, JobsLogsQuery, ReplicasPut, Run, RunEnd, RunOne, RunProblem, RunQuery, RunState, RunsList,
    WaitSeconds,
};
pub use schedule::{
    DueHistory, DueOutcome, DueRecord, DueTime, SchedulePlan, SchedulePlanOne, ScheduleQuery,
};
pub use variables::JobVariables;
