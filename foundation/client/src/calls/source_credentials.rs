//! Calls about source credentials.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    builds::{
        SourceCredential, SourceCredentialId, SourceCredentialList, SourceCredentialOne, SourceCredentialPut,
    },
    reply::Done,
};
use http::Method;

use super::builds::{BuildsCalls, TOOL_PATH};
use crate::Call;

impl BuildsCalls<'_> {
    fn source_credentials_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, TOOL_PATH).segment(tool).path_suffix("/source-credentials")
    }

    /// Lists the credentials of a tool for private repositories, without their secrets.
    pub async fn list_source_credentials(&self, tool: &ToolName) -> Result<Vec<SourceCredential>> {
        let call = self.source_credentials_call(Method::GET, tool);
        call.fetch_json::<SourceCredentialList>().await.map(|answer| answer.source_credentials)
    }

    /// Sets the credential for an address, or replaces it.
    pub async fn put_source_credential(
        &self,
        tool: &ToolName,
        put: &SourceCredentialPut,
    ) -> Result<SourceCredential> {
        let call = self.source_credentials_call(Method::PUT, tool).json(put);
        call.fetch_json::<SourceCredentialOne>().await.map(|answer| answer.source_credential)
    }

    /// Deletes a credential.
    pub async fn delete_source_credential(
        &self,
        tool: &ToolName,
        credential: SourceCredentialId,
    ) -> Result<()> {
        let call = self.source_credentials_call(Method::DELETE, tool).segment(credential);
        call.fetch_json::<Done>().await.map(drop)
    }
}
