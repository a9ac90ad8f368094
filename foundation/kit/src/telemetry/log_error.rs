//! One line in the log for an error that a loop survives.

/// Logs a warning with the error's public text and, in a field of its own, its cause. Fields may stand before the
/// message, which is constant: `log_error!(&error, job = %id, "reconcile failed; will retry")`.
#[macro_export]
macro_rules! log_error {
    ($error:expr, $($fields_and_message:tt)+) => {{
        let error: &hearth_base::Error = $error;
        let cause = error.cause().map(ToString::to_string);
        tracing::warn!(%error, cause, $($fields_and_message)+);
    }};
}
