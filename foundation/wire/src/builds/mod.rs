//! Images made from sources: `/builds/v1`.

mod build;
pub mod internal;
mod log;
mod quota;
mod source;

pub use build::{
    Build, BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildNew, BuildOne, BuildParameters,
    BuildQuery, BuildStarted, BuildStatus, BuildStep, RecipeChoice,
};
pub use log::{BuildLogLine, BuildLogQuery};
pub use quota::{BuildQuota, BuildQuotaCategory, BuildQuotaItem, BuildQuotaOne};
pub use source::{SourceOne, UploadedFolder};
