//! Authorization: each right is a type, required where a route is mounted.
//!
//! `require_right::<R, _>(routes!(handler))` checks `R` before any part of the request is parsed, and declares the
//! right in the OpenAPI document. The handler takes [`Authed<R>`], which only this check can create.

mod declare;
mod grant;

use std::{net::IpAddr, ops::Deref};

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderValue, request::Parts},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Identity, RequestId, Result};
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};

pub(crate) use declare::declare_path_right;
pub use grant::{
    AnyCaller, ImageCaller, MemberCaller, NOT_SIGNED_IN, ReportingCaller, Requirement, ServiceCaller,
    UserCaller, VerifiedCaller,
};

use crate::reply::ApiError;

/// A right, declared by [`rights!`](crate::rights).
pub trait Right: Send + Sync + 'static {
    /// Name of the right, such as `tools:write`.
    const RIGHT_NAME: &'static str;
    /// Requirement that a caller must meet.
    const RIGHT_REQUIREMENT: Requirement;
    /// The verified caller that a handler receives.
    type Grant: VerifiedCaller;
}

/// Requires the right `R` for routes and declares it in the OpenAPI document.
pub fn require_right<R: Right, S>(
    (schemas, mut paths, router): UtoipaMethodRouter<S>,
) -> UtoipaMethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    declare::declare_right(&mut paths, R::RIGHT_NAME, R::RIGHT_REQUIREMENT);
    (schemas, paths, router).layer(from_fn(check_right::<R>))
}

async fn check_right<R: Right>(mut request: Request, next: Next) -> Response {
    match authorize_caller::<R>(&request) {
        Ok(authed) => {
            request.extensions_mut().insert(authed);
            next.run(request).await
        }
        Err(error) => ApiError(error).into_response(),
    }
}

fn authorize_caller<R: Right>(request: &Request) -> Result<Authed<R>> {
    let extensions = request.extensions();
    let (Some(identity), Some(request), Some(identity_headers)) =
        (extensions.get::<Result<Identity>>(), extensions.get(), extensions.get::<IdentityHeaders>())
    else {
        return Err(Error::internal("a route with a right outside of MountedService::new"));
    };
    let identity = identity.clone();
    let identity = match identity {
        Err(_) if matches!(R::RIGHT_REQUIREMENT, Requirement::Anyone) => Identity::anonymous(),
        identity => identity?,
    };
    let grant = R::Grant::check_identity(&identity, R::RIGHT_REQUIREMENT, R::RIGHT_NAME)?;
    let client = extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address);
    Ok(Authed { identity, request: *request, client, identity_headers: identity_headers.clone(), grant })
}

/// Address of the client at the door, from a request whose identity was verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub IpAddr);

/// Identity headers of a request, with which `accounts` creates a mandate.
#[derive(Debug, Clone, Default)]
pub struct IdentityHeaders {
    /// The signed identity.
    pub identity: Option<HeaderValue>,
    /// The mandate of a service that acts for a caller.
    pub mandate: Option<HeaderValue>,
}

/// A caller who has the right `R`. It dereferences to the right's caller type.
#[derive(Debug)]
pub struct Authed<R: Right> {
    /// Verified identity of the caller.
    pub identity: Identity,
    /// Id of the request.
    pub request: RequestId,
    /// Address of the client at the door; absent when the request did not pass the gateway.
    pub client: Option<IpAddr>,
    /// The headers that the identity was read from.
    pub identity_headers: IdentityHeaders,
    grant: R::Grant,
}

impl<R: Right> Clone for Authed<R> {
    fn clone(&self) -> Self {
        let Self { identity, request, client, identity_headers, grant } = self;
        Self {
            identity: identity.clone(),
            request: *request,
            client: *client,
            identity_headers: identity_headers.clone(),
            grant: grant.clone(),
        }
    }
}

impl<R: Right> Deref for Authed<R> {
    type Target = R::Grant;

    fn deref(&self) -> &R::Grant {
        &self.grant
    }
}

impl<R: Right, S: Sync> FromRequestParts<S> for Authed<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let authed = parts.extensions.get::<Self>().cloned();
        authed.ok_or_else(|| {
            ApiError(Error::internal(format!(
                "a handler takes Authed<{}> on a route that does not require this right",
                R::RIGHT_NAME
            )))
        })
    }
}

/// Declares rights: one type each, with its name, its requirement, and the caller type that handlers receive.
///
/// ```
/// hearth_kit::rights! {
///     /// Change a tool's members.
///     MembersWrite = "tools:own", hearth_kit::guard::Requirement::Tool(hearth_base::Access::Own) => hearth_kit::guard::MemberCaller;
/// }
/// ```
#[macro_export]
macro_rules! rights {
    ($($(#[$doc:meta])* $right:ident = $name:literal, $requirement:expr => $grant:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $right;

        impl $crate::guard::Right for $right {
            const RIGHT_NAME: &'static str = $name;
            const RIGHT_REQUIREMENT: $crate::guard::Requirement = $requirement;
            type Grant = $grant;
        }
    )*};
}
