//! The part of a handler's context that all services share.

use std::sync::Arc;

use hearth_base::{Clock, Entropy, Id, IdKind};
use jiff::Timestamp;

use crate::{Kit, config::SectionSettings};

/// Clock, randomness and settings of a service. A service's own context type has it in the field `base` and calls
/// [`impl_request_context!`](crate::impl_request_context).
pub struct RequestContext<S = ()> {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<Entropy>,
    /// The service's section of the configuration; `()` for a service that has none.
    pub settings: Arc<S>,
}

impl<S> RequestContext<S> {
    /// A context with this clock, randomness and settings.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<Entropy>, settings: Arc<S>) -> Self {
        Self { clock, entropy, settings }
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Generates an id.
    pub fn generate_id<K: IdKind>(&self) -> Id<K> {
        Id::new(self.now(), &self.entropy)
    }
}

impl<S: SectionSettings> RequestContext<S> {
    /// The context of a service that has settings.
    pub fn from_kit(kit: &Kit) -> Self {
        Self::new(kit.clock.clone(), kit.entropy.clone(), kit.settings())
    }
}

// Not derived: `derive` would require `S: Clone`.
impl<S> Clone for RequestContext<S> {
    fn clone(&self) -> Self {
        let Self { clock, entropy, settings } = self;
        Self { clock: clock.clone(), entropy: entropy.clone(), settings: settings.clone() }
    }
}

/// Implements `FromRequestParts` for a service's context and dereferences it to its field `base`.
#[macro_export]
macro_rules! impl_request_context {
    ($context:ty, $settings:ty) => {
        impl std::ops::Deref for $context {
            type Target = $crate::RequestContext<$settings>;

            fn deref(&self) -> &Self::Target {
                &self.base
            }
        }

        impl axum::extract::FromRequestParts<$context> for $context {
            type Rejection = std::convert::Infallible;

            async fn from_request_parts(
                _: &mut axum::http::request::Parts,
                context: &$context,
            ) -> std::result::Result<Self, Self::Rejection> {
                Ok(context.clone())
            }
        }
    };
}
