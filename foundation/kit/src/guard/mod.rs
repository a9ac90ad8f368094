//! Permission is a type, declared once, where a route is mounted.
//!
//! `guard::<R, _>(routes!(handler))` installs the check of `R` before anything of the request is parsed, and
//! writes the right into the OpenAPI document. The handler takes [`Authed<R>`], which exists only behind it.

mod declare;
mod grant;

use std::ops::Deref;

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderValue, request::Parts},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Identity, RequestId, Result};
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};

pub(crate) use declare::declare_item;
pub use grant::{Anybody, Granted, Member, NOT_SIGNED_IN, Needs, Peer, Person};

use crate::reply::Refused;

/// Something one may be entitled to. Implemented by [`rights!`](crate::rights).
pub trait Right: Send + Sync + 'static {
    /// The name in the OpenAPI document: `tools:write`.
    const NAME: &'static str;
    /// Who has it.
    const NEEDS: Needs;
    /// What a handler learns about a caller who has it.
    type Grant: Granted;
}

/// Guards routes with the right `R`, and documents it.
pub fn guard<R: Right, S>((schemas, mut paths, router): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    declare::declare(&mut paths, R::NAME, R::NEEDS);
    (schemas, paths, router).layer(from_fn(check::<R>))
}

async fn check<R: Right>(mut request: Request, next: Next) -> Response {
    match admit::<R>(&request) {
        Ok(authed) => {
            request.extensions_mut().insert(authed);
            next.run(request).await
        }
        Err(error) => Refused(error).into_response(),
    }
}

fn admit<R: Right>(request: &Request) -> Result<Authed<R>> {
    let extensions = request.extensions();
    let (Some(identity), Some(request), Some(shown)) =
        (extensions.get::<Result<Identity>>(), extensions.get(), extensions.get::<Shown>())
    else {
        return Err(Error::internal("a guarded route outside Mounted::new"));
    };
    let identity = identity.clone();
    let identity = match identity {
        Err(_) if matches!(R::NEEDS, Needs::Nothing) => Identity::nobody(),
        identity => identity?,
    };
    let grant = R::Grant::to(&identity, R::NEEDS, R::NAME)?;
    Ok(Authed { identity, request: *request, shown: shown.clone(), grant })
}

/// What a request showed of its caller, to ask `accounts` for a mandate with.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The signed identity.
    pub identity: Option<HeaderValue>,
    /// The mandate beside it, of a service that acts for somebody.
    pub mandate: Option<HeaderValue>,
}

/// A caller who has the right `R`, and what a handler may know of them.
#[derive(Debug)]
pub struct Authed<R: Right> {
    /// Everything that the gateway found out.
    pub identity: Identity,
    /// The request that all this is part of.
    pub request: RequestId,
    /// The same as it was shown.
    pub shown: Shown,
    grant: R::Grant,
}

impl<R: Right> Clone for Authed<R> {
    fn clone(&self) -> Self {
        let Self { identity, request, shown, grant } = self;
        Self { identity: identity.clone(), request: *request, shown: shown.clone(), grant: grant.clone() }
    }
}

impl<R: Right> Deref for Authed<R> {
    type Target = R::Grant;

    fn deref(&self) -> &R::Grant {
        &self.grant
    }
}

impl<R: Right, S: Sync> FromRequestParts<S> for Authed<R> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let authed = parts.extensions.get::<Self>().cloned();
        authed.ok_or_else(|| Refused(Error::internal(format!("a handler for {} without its guard", R::NAME))))
    }
}

/// Declares rights: a type each, with its name, who has it, and what it gives to handlers.
///
/// ```
/// hearth_kit::rights! {
///     /// Change a tool's members.
///     MembersWrite = "tools:own", hearth_kit::guard::Needs::Tool(hearth_base::Access::Own) => hearth_kit::guard::Member;
/// }
/// ```
#[macro_export]
macro_rules! rights {
    ($($(#[$doc:meta])* $right:ident = $name:literal, $needs:expr => $grant:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $right;

        impl $crate::guard::Right for $right {
            const NAME: &'static str = $name;
            const NEEDS: $crate::guard::Needs = $needs;
            type Grant = $grant;
        }
    )*};
}
