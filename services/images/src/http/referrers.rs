//! Lists of referrers, for provided repositories and those of tools (OCI distribution specification, "Listing
//! Referrers").

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Digest, Error, Result};
use hearth_kit::{Authed, Param};
use hearth_wire::images::registry::ReferrersQuery;
use serde_json::{Value, json};

use super::{
    registry::{RegistryReply, find_repository_owner},
    request_parts::LenientQuery,
};
use crate::{
    app::{manifest_format::OCI_INDEX, referrers},
    context::ImagesContext,
    names::{ImageName, RepositoryOwner},
    rights::{PullProvidedImages, PullRepository},
    store::ReferrerFilter,
};

/// Header with the filters that were applied to a list of referrers.
const FILTERS_APPLIED_HEADER: HeaderName = HeaderName::from_static("oci-filters-applied");

/// List the manifests that refer to a manifest: signatures, lists of components and the like.
#[utoipa::path(get, path = "/v2/{space}/{name}/referrers/{digest}", tag = "registry", operation_id = "registry.referrers",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"),
        ("digest" = String, Path, description = "digest of the manifest"), ("artifactType" = Option<String>, Query, description = "only manifests of this type")),
    responses((status = 200, description = "an index of these manifests; the header Link refers to more", content_type = "application/vnd.oci.image.index.v1+json")))]
pub async fn list_referrers(
    cx: ImagesContext,
    who: Authed<PullRepository>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
    LenientQuery(query): LenientQuery<ReferrersQuery>,
) -> RegistryReply {
    let owner = find_repository_owner(&who, &name)?;
    Ok(render_referrers(&cx, &owner, &name, digest, query).await?)
}

/// List the manifests that refer to a manifest: signatures, lists of components and the like.
#[utoipa::path(get, path = "/v2/hearth/{name}/referrers/{digest}", tag = "registry", operation_id = "registry.provided_referrers",
    params(("name" = String, Path, description = "name of the image"), ("digest" = String, Path, description = "digest of the manifest"),
        ("artifactType" = Option<String>, Query, description = "only manifests of this type")),
    responses((status = 200, description = "an index of these manifests; the header Link refers to more", content_type = "application/vnd.oci.image.index.v1+json")))]
pub async fn list_provided_referrers(
    cx: ImagesContext,
    _: Authed<PullProvidedImages>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
    LenientQuery(query): LenientQuery<ReferrersQuery>,
) -> RegistryReply {
    Ok(render_referrers(&cx, &RepositoryOwner::Provided, &name, digest, query).await?)
}

/// Renders a page of referrers as an index; the header `Link` refers to the next page (RFC 8288).
async fn render_referrers(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    subject: Digest,
    ReferrersQuery { artifact_type, last }: ReferrersQuery,
) -> Result<Response> {
    let artifact_type = artifact_type.filter(|wanted| !wanted.is_empty());
    let filter = ReferrerFilter { subject, artifact_type: artifact_type.clone(), after: last };
    let page = referrers::list_referrers(cx, owner, name, filter).await?;
    let parse = |descriptor: &Vec<u8>| serde_json::from_slice::<Value>(descriptor).map_err(Error::internal);
    let manifests: Vec<Value> = page.descriptors.iter().map(parse).collect::<Result<_>>()?;
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    let mut response = ([(header::CONTENT_TYPE, OCI_INDEX)], index.to_string()).into_response();
    let headers = response.headers_mut();
    if artifact_type.is_some() {
        headers.insert(FILTERS_APPLIED_HEADER, HeaderValue::from_static("artifactType"));
    }
    if page.next.is_some() {
        let query = serde_html_form::to_string(ReferrersQuery { artifact_type, last: page.next });
        let query = query.map_err(Error::internal)?;
        let link = format!("</v2/{owner}/{name}/referrers/{subject}?{query}>; rel=\"next\"");
        headers.insert(header::LINK, link.try_into().map_err(Error::internal)?);
    }
    Ok(response)
}
