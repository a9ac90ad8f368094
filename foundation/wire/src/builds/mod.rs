//! Images made from sources: `/builds/v1`.

mod build;
mod builder;
pub mod events;
mod failure;
pub mod former_finish;
pub mod internal;
mod log;
pub mod outside;
mod package_source;
pub mod provenance;
mod quota;
mod reproduction;
mod sbom;
mod source;
mod source_credential;
mod source_credential_id;

pub use build::{
    Build, BuildChanged, BuildCreate, BuildCreateQuery, BuildList, BuildNew, BuildOne, BuildParameters,
    BuildQuery, BuildQueuePlace, BuildStarted, BuildStatus, BuildStep, RecipeChoice,
};
pub use builder::{Builder, BuilderList, BuilderOne, BuilderState};
pub use failure::{BuildFailure, BuildFailureClass};
pub use log::{BuildLogLine, BuildLogQuery};
pub use package_source::{
    PackageSource, PackageSourceAccess, PackageSourceList, PackageSourceOne, PackageSourcePut,
    ToolPackageSource, ToolPackageSourceList,
};
pub use quota::{BuildQuota, BuildQuotaCategory, BuildQuotaItem, BuildQuotaOne};
pub use reproduction::{BuildReproduction, DifferentFile, ImageComparison};
pub use sbom::{BuildSbom, MAX_SBOM_BYTES, SBOM_MEDIA_TYPE};
pub use source::{SourceOne, UploadedFolder};
pub use source_credential::{
    SourceCredential, SourceCredentialList, SourceCredentialOne, SourceCredentialPut, SourceCredentialRefusal,
};
pub use source_credential_id::SourceCredentialId;
