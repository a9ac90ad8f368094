//! Images made from sources: `/builds/v1`.

mod build;
pub mod internal;
mod log;
mod quota;
mod source;

pub use build::{
    Build, BuildChanged, BuildCreate, BuildList, BuildNew, BuildOne, BuildParameters, BuildStarted,
    BuildStatus, BuildStep, CreateQuery,
};
pub use log::{BuildLogLine, BuildLogQuery};
pub use quota::{BuildQuota, BuildQuotaCategory, BuildQuotaItem, BuildQuotaOne};
pub use source::{Source, SourceOne};
