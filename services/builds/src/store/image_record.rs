//! Facts about the image that a build made, in one column of the table of builds.

use hearth_base::Digest;
use hearth_kit::db::{MigrationName, MigrationTrait, SchemaManager, schema::json_null};
use hearth_wire::builds::{
    BuildReproduction, BuildSbom, ImageComparison,
    internal::{BuildMaterials, OriginalBuild},
};
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

/// Facts about the image that a build made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageRecord {
    /// Its materials besides the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub materials: Option<BuildMaterials>,
    /// SBOM that was attached during the build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<AttachedSbom>,
    /// The build that this one reproduces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_build: Option<OriginalBuild>,
    /// How the images of the two builds differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ImageComparison>,
}

/// SBOM that a build attached to an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedSbom {
    /// Digest of the image's manifest.
    pub image: Digest,
    /// The SBOM.
    pub document: BuildSbom,
}

impl ImageRecord {
    /// Returns the SBOM of this image; an earlier attempt may have attached one to another image.
    pub fn find_sbom(&self, image: Option<Digest>) -> Option<&BuildSbom> {
        self.sbom.as_ref().filter(|sbom| Some(sbom.image) == image).map(|sbom| &sbom.document)
    }

    /// Describes the build that this one repeats, and how their images differ.
    pub fn describe_reproduction(&self) -> Option<BuildReproduction> {
        let OriginalBuild { build, image, .. } = self.original_build.as_ref()?;
        Some(BuildReproduction { build: *build, image: *image, comparison: self.comparison.clone() })
    }
}

/// Column of the facts.
pub struct AddImageRecord;

impl MigrationName for AddImageRecord {
    fn name(&self) -> &str {
        "0006_image_record"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddImageRecord {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("build", json_null("image_record")).await
    }
}
