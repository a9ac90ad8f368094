//! Images made from sources: `/builds/v1`.

mod build;
mod builder;
mod failure;
pub mod internal;
mod log;
pub mod provenance;
mod quota;
mod source;

pub use build::{
    Build, BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildNew, BuildOne, BuildParameters,
    BuildQuery, BuildQueuePlace, BuildStarted, BuildStatus, BuildStep, RecipeChoice,
};
pub use builder::{Builder, BuilderList, BuilderOne, BuilderState};
pub use failure::{BuildFailure, BuildFailureClass};
pub use log::{BuildLogLine, BuildLogQuery};
pub use quota::{BuildQuota, BuildQuotaCategory, BuildQuotaItem, BuildQuotaOne};
pub use source::{SourceOne, UploadedFolder};
