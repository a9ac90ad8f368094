//! Limits of open files (`RLIMIT_NOFILE`): of Hearth's own processes and of processes in containers.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Limit of a process in a container.
const MAX_OPEN_FILES: u64 = 65_536;
/// Hard limit that Hearth's own processes ask for: each connection needs one or two open files.
pub const WANTED_OPEN_FILES: u64 = 524_288;

/// Returns the limit of processes in containers, or the hard limit of this process if it is lower.
pub fn max_open_files() -> u64 {
    hard_limit().min(MAX_OPEN_FILES)
}

/// Sets the limit of a process in a container, for this process and its children.
pub fn limit_open_files() -> io::Result<()> {
    let most = Some(max_open_files());
    Ok(setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?)
}

/// Raises the limit of this process and its later children to the hard limit, and before that the hard limit to
/// [`WANTED_OPEN_FILES`] if this process may do that. Returns the limit.
pub fn raise_open_file_limit() -> u64 {
    let hard = hard_limit();
    if hard < WANTED_OPEN_FILES {
        let more = Some(WANTED_OPEN_FILES);
        // Refused without CAP_SYS_RESOURCE, and above fs.nr_open.
        let _refused = setrlimit(Resource::Nofile, Rlimit { current: more, maximum: more });
    }
    let hard = hard_limit();
    // A limit at or below the hard one is never refused.
    let _raised = setrlimit(Resource::Nofile, Rlimit { current: Some(hard), maximum: Some(hard) });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The hard limit of this process; without one, the highest number.
fn hard_limit() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_raised_to_the_hard_limit() {
        let hard = hard_limit();
        let low = Rlimit { current: Some(hard.min(100)), maximum: Some(hard) };
        setrlimit(Resource::Nofile, low).expect("a lower limit");
        assert!(raise_open_file_limit() >= hard);
    }
}
