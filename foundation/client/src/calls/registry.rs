//! Calls to the registry about a tool's image (OCI distribution specification).

use bytes::Bytes;
use hearth_base::{Digest, Result, ToolName};
use hearth_wire::images::registry::{
    REFERRERS_PAGE_SIZE, ReferrersQuery, RegistryDescriptor, RegistryIndex, RegistryManifest,
};
use http::{Method, header};

use crate::{Call, Client};

/// Calls to the registry about a tool's image.
#[derive(Debug, Clone, Copy)]
pub struct RegistryCalls<'a> {
    client: &'a Client,
    tool: &'a ToolName,
    image: &'a str,
}

impl Client {
    /// Returns the calls to the registry about a tool's image.
    pub fn image_registry<'a>(&'a self, tool: &'a ToolName, image: &'a str) -> RegistryCalls<'a> {
        RegistryCalls { client: self, tool, image }
    }
}

impl RegistryCalls<'_> {
    fn image_call(&self) -> Call<'_> {
        let call = self.client.build_call(Method::GET, "/v2");
        call.segment(format!("tool-{}", self.tool)).segment(self.image)
    }

    /// Lists all artifacts of one type that refer to a manifest.
    pub async fn list_referrers(
        &self,
        subject: Digest,
        artifact_type: &str,
    ) -> Result<Vec<RegistryDescriptor>> {
        let mut query = ReferrersQuery { artifact_type: Some(artifact_type.to_owned()), last: None };
        let mut all = Vec::new();
        loop {
            let call = self.image_call().path_suffix("/referrers").segment(subject).query(&query);
            let page: RegistryIndex = call.fetch_json().await?;
            let is_last = page.manifests.len() < REFERRERS_PAGE_SIZE;
            query.last = page.manifests.last().map(|listed| listed.digest);
            all.extend(page.manifests);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Fetches a manifest.
    pub async fn fetch_manifest(&self, digest: Digest) -> Result<RegistryManifest> {
        self.image_call().path_suffix("/manifests").segment(digest).fetch_json().await
    }

    /// Fetches the last bytes of a blob.
    pub async fn fetch_blob_end(&self, digest: Digest, length: u64) -> Result<Bytes> {
        let call = self.image_call().path_suffix("/blobs").segment(digest);
        Ok(call.header(header::RANGE, &format!("bytes=-{length}")).fetch_bytes().await?.1)
    }

    /// Fetches a small blob.
    pub async fn fetch_blob(&self, digest: Digest) -> Result<Bytes> {
        Ok(self.image_call().path_suffix("/blobs").segment(digest).fetch_bytes().await?.1)
    }
}
