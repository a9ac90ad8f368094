//! Endpoints for operators: builders.

use std::str::FromStr;

use hearth_base::{Error, PathParam, Result};
use hearth_kit::{ApiResponse, ApiResult, Authed, Param, audit::ChangeAuthor};
use hearth_wire::{
    builds::{BuilderList, BuilderOne},
    reply::Named,
};

use crate::{app, context::BuildsContext, rights::OperateBuilders};

/// Path parameter: id of a builder.
#[derive(Debug, Clone)]
pub struct BuilderParam(String);

impl PathParam for BuilderParam {
    const PARAM_NAME: &'static str = "builder";
}

impl FromStr for BuilderParam {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if (1..=app::builders::MAX_ID_BYTES).contains(&text.len()) && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("builder", "invalid id of a builder").help("hearth admin builders list"))
    }
}

/// List the builders.
#[utoipa::path(get, path = "/builds/v1/builders", tag = "builds", operation_id = "builds.builders",
    responses((status = 200, body = Named<BuilderList>)))]
pub async fn list(cx: BuildsContext, _: Authed<OperateBuilders>) -> ApiResult<BuilderList> {
    Ok(ApiResponse::ok_named(BuilderList { builders: app::builders::list_builders(&cx).await? }))
}

/// Suspend a builder: it gets no further builds until it is returned. Its running builds continue.
#[utoipa::path(post, path = "/builds/v1/builders/{builder}/suspend", tag = "builds",
    operation_id = "builds.builder_suspend",
    params(("builder" = String, Path, description = "id of the builder")),
    responses((status = 200, body = Named<BuilderOne>), (status = 404, description = "the builder does not exist")))]
pub async fn suspend_builder(
    cx: BuildsContext,
    operator: Authed<OperateBuilders>,
    Param(builder): Param<BuilderParam>,
) -> ApiResult<BuilderOne> {
    let author = ChangeAuthor::from_authed(&operator);
    let builder = app::builders::suspend_builder(&cx, &author, &builder.0, &operator.name).await?;
    tracing::warn!(builder = builder.id, operator = %operator.name, "builder suspended by an operator");
    Ok(ApiResponse::ok_named(BuilderOne { builder }))
}

/// Return a builder that was suspended: it gets builds again.
#[utoipa::path(post, path = "/builds/v1/builders/{builder}/return", tag = "builds",
    operation_id = "builds.builder_return",
    params(("builder" = String, Path, description = "id of the builder")),
    responses((status = 200, body = Named<BuilderOne>), (status = 404, description = "the builder does not exist")))]
pub async fn return_builder(
    cx: BuildsContext,
    operator: Authed<OperateBuilders>,
    Param(builder): Param<BuilderParam>,
) -> ApiResult<BuilderOne> {
    let author = ChangeAuthor::from_authed(&operator);
    let builder = app::builders::return_builder(&cx, &author, &builder.0).await?;
    tracing::warn!(builder = builder.id, operator = %operator.name, "builder returned by an operator");
    Ok(ApiResponse::ok_named(BuilderOne { builder }))
}
