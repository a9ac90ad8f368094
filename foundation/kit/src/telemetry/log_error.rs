//! Log line for an error after which a loop continues.

/// Logs a warning with the error's public text and, in the field `cause`, its cause. Further fields precede the
/// constant message: `log_error!(&error, job = %id, "reconcile failed; will retry")`.
#[macro_export]
macro_rules! log_error {
    ($error:expr, $($fields_and_message:tt)+) => {{
        let error: &hearth_base::Error = $error;
        let cause = error.cause().map(ToString::to_string);
        tracing::warn!(%error, cause, $($fields_and_message)+);
    }};
}
