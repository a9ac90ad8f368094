//! Links between a tool and a repository at a forge: pushes to the repository deploy the tool.

use hearth_base::{Id, IdKind, Secret, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeploymentId, repository_link_id::RepositoryLinkId};
use crate::accounts::serialize_optional_secret;

/// Kind of [`ForgeDeliveryId`].
#[derive(Debug)]
pub enum ForgeDeliveryKind {}

impl IdKind for ForgeDeliveryKind {
    const ID_PREFIX: &'static str = "forgedelivery";
}

/// Id of a received delivery of a forge.
pub type ForgeDeliveryId = Id<ForgeDeliveryKind>;

/// Software of a forge. It decides about the form of webhooks and of commit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ForgeKind)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// GitHub, also GitHub Enterprise.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea and Forgejo.
    #[serde(alias = "forgejo")]
    Gitea,
}

impl ForgeKind {
    /// Returns the value's form on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
        }
    }
}

/// Merge requests of which a link makes previews. A preview runs code that nobody has reviewed yet, so it is isolated from
/// its tool, whoever may write its branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::PreviewSource)]
#[serde(rename_all = "lowercase")]
pub enum PreviewSource {
    /// None.
    #[default]
    None,
    /// Those from branches of the repository itself.
    Repository,
    /// Those from forks too: everybody who may open a merge request runs code at an address of the tool.
    Forks,
}

impl PreviewSource {
    /// Returns the value's form on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Repository => "repository",
            Self::Forks => "forks",
        }
    }

    /// True for [`Self::None`].
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Linked repository: pushes to it deploy the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RepositoryLink)]
pub struct RepositoryLink {
    /// Id of the link.
    #[schema(value_type = String)]
    pub id: RepositoryLinkId,
    /// Software of the forge.
    pub forge: ForgeKind,
    /// Address of the repository.
    pub repository: String,
    /// Names of branches whose pushes deploy; `*` stands for any characters but `/`, `**` for any characters.
    pub branches: Vec<String>,
    /// Files whose change deploys, with the same patterns; empty for all.
    pub paths: Vec<String>,
    /// Environment that is deployed; absent for production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Merge requests for these branches that get a preview.
    #[serde(default)]
    pub previews: PreviewSource,
    /// Maintainer in whose name pushes deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserName>,
    /// True when the owner has lost the right: pushes deploy nothing until a maintainer takes the link over.
    pub suspended: bool,
    /// Address for the webhook at the forge.
    pub webhook_url: String,
    /// True when a token for commit statuses is stored.
    pub has_status_token: bool,
    /// Reason why the forge did not accept the newest commit status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_problem: Option<String>,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
}

/// New link to a repository.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RepositoryLinkCreate)]
pub struct RepositoryLinkCreate {
    /// Software of the forge.
    pub forge: ForgeKind,
    /// Address of the repository, as for a clone: `https://…`.
    #[schema(max_length = 2000)]
    pub repository: String,
    /// Names of branches whose pushes deploy; `*` stands for any characters but `/`, `**` for any characters.
    #[schema(min_items = 1, max_items = 20)]
    pub branches: Vec<String>,
    /// Files whose change deploys, with the same patterns; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub paths: Vec<String>,
    /// Environment to deploy; default: production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40)]
    pub environment: Option<String>,
    /// Merge requests for these branches that get a preview; default: none.
    #[serde(default, skip_serializing_if = "PreviewSource::is_none")]
    pub previews: PreviewSource,
    /// Token of the forge that may set commit statuses.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub status_token: Option<Secret>,
}

/// Changes of a link. Absent fields stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RepositoryLinkPatch)]
pub struct RepositoryLinkPatch {
    /// Names of branches whose pushes deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 20)]
    pub branches: Option<Vec<String>>,
    /// Files whose change deploys; empty for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20)]
    pub paths: Option<Vec<String>>,
    /// Environment to deploy; `production` for the configuration itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40)]
    pub environment: Option<String>,
    /// Merge requests that get a preview. Previews that exist stay until their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews: Option<PreviewSource>,
    /// Token of the forge that may set commit statuses; an empty text deletes the stored one.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub status_token: Option<Secret>,
}

/// Link with the secret of its webhook; the secret is shown only this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RepositoryLinkSecret)]
pub struct RepositoryLinkSecret {
    /// The link.
    pub link: RepositoryLink,
    /// Secret for the webhook at the forge.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
}

/// Links of a tool, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::RepositoryLinkList)]
pub struct RepositoryLinkList {
    /// All links of the tool.
    pub links: Vec<RepositoryLink>,
}

/// Delivery that a forge sent to a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ForgeDelivery)]
pub struct ForgeDelivery {
    /// Id of the delivery.
    #[schema(value_type = String)]
    pub id: ForgeDeliveryId,
    /// Id that the forge gave the delivery; empty for refused ones.
    pub forge_id: String,
    /// Event, as the forge names it; empty for refused ones.
    pub event: String,
    /// Ref that was pushed, as in `refs/heads/main`, or that of the merge request, as in `refs/pull/7/head`; may be
    /// empty.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Commit that the forge named; may be empty. The newest commit of the ref is deployed.
    pub commit: String,
    /// Time of arrival; of the first one for refused ones.
    #[schema(value_type = String, format = DateTime)]
    pub received: Timestamp,
    /// Outcome of the delivery.
    pub outcome: ForgeDeliveryOutcome,
    /// Reason of the outcome, as a sentence; may be empty.
    pub reason: String,
    /// Deployment that the delivery started, or whose start it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub deployment: Option<DeploymentId>,
    /// Number of deliveries: those without a valid signature are counted by day, all others are 1.
    pub count: u32,
}

/// Outcome of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ForgeDeliveryOutcome)]
#[serde(rename_all = "lowercase")]
pub enum ForgeDeliveryOutcome {
    /// The push is about to be deployed.
    Waiting,
    /// The push has started a deployment, or will be part of one that is queued.
    Deployed,
    /// A newer push to the same branch is deployed instead.
    Superseded,
    /// The merge request was closed or merged, and its preview is deleted.
    Removed,
    /// The event or the ref deploys nothing.
    Ignored,
    /// The delivery is not valid: its signature or its repository is wrong.
    Refused,
    /// The deployment could not be created.
    Failed,
}

impl ForgeDeliveryOutcome {
    /// Returns the value's form on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Removed => "removed",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Answer to a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ForgeReceipt)]
pub struct ForgeReceipt {
    /// Id of the delivery in the log of the link.
    #[schema(value_type = String)]
    pub id: ForgeDeliveryId,
    /// Outcome of the delivery.
    pub outcome: ForgeDeliveryOutcome,
    /// Reason of the outcome, as a sentence; may be empty.
    pub reason: String,
    /// True when the delivery was received before: nothing was started again.
    pub is_repeated: bool,
}
