//! Subjects of manifests, and the lists of their referrers.

use hearth_base::{Digest, RepositoryId, Result};
use hearth_kit::db::{OrDbError, Tx, columns::parse_column};
use sea_orm::{
    ActiveValue::{self, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{RegistryStore, rows::manifest as row};

/// A manifest in the list of its subject's referrers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    pub subject: Digest,
    /// Empty for an index without one.
    pub artifact_type: String,
    /// Descriptor of the manifest, as a JSON document.
    pub descriptor: Vec<u8>,
}

/// Selection of the referrers of one subject.
#[derive(Debug, Clone)]
pub struct ReferrerFilter {
    pub subject: Digest,
    pub artifact_type: Option<String>,
    /// Only referrers after this one.
    pub after: Option<Digest>,
}

/// Values of a manifest's columns. A manifest without a subject has an empty one; null is for a manifest that has
/// not been examined.
pub struct ReferrerColumns {
    pub subject: ActiveValue<Option<String>>,
    pub artifact_type: ActiveValue<Option<String>>,
    pub descriptor: ActiveValue<Option<Vec<u8>>>,
}

impl From<Option<Referrer>> for ReferrerColumns {
    fn from(referrer: Option<Referrer>) -> Self {
        let (subject, artifact_type, descriptor) = match referrer {
            Some(Referrer { subject, artifact_type, descriptor }) => {
                (subject.to_string(), Some(artifact_type), Some(descriptor))
            }
            None => (String::new(), None, None),
        };
        Self { subject: Set(Some(subject)), artifact_type: Set(artifact_type), descriptor: Set(descriptor) }
    }
}

impl RegistryStore {
    /// Lists referrers by digest, with their descriptors.
    pub async fn list_referrers(
        &self,
        repository: RepositoryId,
        filter: &ReferrerFilter,
        limit: u64,
    ) -> Result<Vec<(Digest, Vec<u8>)>> {
        let mut query = row::Entity::find()
            .filter(row::Column::RepositoryId.eq(repository.to_string()))
            .filter(row::Column::Subject.eq(filter.subject.to_string()))
            .select_only()
            .columns([row::Column::Digest, row::Column::Descriptor])
            .order_by_asc(row::Column::Digest)
            .limit(limit);
        if let Some(artifact_type) = &filter.artifact_type {
            query = query.filter(row::Column::ArtifactType.eq(artifact_type.as_str()));
        }
        if let Some(after) = filter.after {
            query = query.filter(row::Column::Digest.gt(after.to_string()));
        }
        let rows =
            query.into_tuple::<(String, Option<Vec<u8>>)>().all(self.db.reader()).await.or_db_error()?;
        let read_one = |(digest, descriptor): (String, Option<Vec<u8>>)| {
            Ok((parse_column("manifest.digest", &digest)?, descriptor.unwrap_or_default()))
        };
        rows.into_iter().map(read_one).collect()
    }

    /// Records that a manifest has been examined, with the subject that it names.
    pub async fn set_referrer(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
        referrer: Option<Referrer>,
    ) -> Result<()> {
        let ReferrerColumns { subject, artifact_type, descriptor } = referrer.into();
        let columns = row::ActiveModel { subject, artifact_type, descriptor, ..Default::default() };
        row::Entity::update_many()
            .set(columns)
            .filter(row::Column::RepositoryId.eq(repository.to_string()))
            .filter(row::Column::Digest.eq(digest.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(drop)
    }

    /// Makes all manifests unexamined, as a process of an older release stores them.
    #[cfg(test)]
    pub async fn forget_subjects(&self, tx: &Tx) -> Result<()> {
        let columns = row::ActiveModel {
            subject: Set(None),
            artifact_type: Set(None),
            descriptor: Set(None),
            ..Default::default()
        };
        row::Entity::update_many().set(columns).exec(&**tx).await.or_db_error().map(drop)
    }
}
