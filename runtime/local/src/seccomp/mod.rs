//! Seccomp filters: allow lists of system calls. All other calls fail with EPERM.
//!
//! In a tool's container `clone` makes no namespaces, `clone3` fails with ENOSYS so that C libraries fall
//! back to `clone`, and bpf, perf, keyctl, `io_uring`, setns and mount are forbidden. Sockets of other families
//! than [`SOCKET_FAMILIES`] fail with EAFNOSUPPORT, as on a kernel without them: some families, such as `AF_VSOCK`,
//! are shared by all network namespaces of the host.

mod calls;
mod own_calls;

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use hearth_runtime_api::Isolation;
use libc as c;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use calls::{BUILD_CALLS, CONTAINER_CALLS, LEGACY_CALLS};
use own_calls::{PROBER_CALLS, UNPACKER_CALLS};

/// Filters in loading order.
pub type Filters = Vec<BpfProgram>;

/// Flags of `clone` that make namespaces.
const NAMESPACE_FLAGS: i32 = c::CLONE_NEWCGROUP
    | c::CLONE_NEWIPC
    | c::CLONE_NEWNET
    | c::CLONE_NEWNS
    | c::CLONE_NEWPID
    | c::CLONE_NEWUSER
    | c::CLONE_NEWUTS;

/// Address families of sockets in containers (socket(2)).
const SOCKET_FAMILIES: [i32; 4] = [c::AF_UNIX, c::AF_INET, c::AF_INET6, c::AF_NETLINK];

/// Builds the filters of a container.
pub fn build_container_filters(isolation: Isolation) -> Result<Filters> {
    let build: &[i64] = match isolation {
        Isolation::Tool => &[],
        Isolation::Build => BUILD_CALLS,
    };
    let mut rules = allow_calls(CONTAINER_CALLS.iter().chain(LEGACY_CALLS).chain(build))?;
    let clone = match isolation {
        Isolation::Tool => vec![match_clone_without_namespaces()?],
        Isolation::Build => Vec::new(),
    };
    rules.insert(c::SYS_clone, clone);
    rules.insert(c::SYS_clone3, Vec::new());
    let no_clone3 = BTreeMap::from([(c::SYS_clone3, Vec::new())]);
    let other_families = BTreeMap::from([
        (c::SYS_socket, vec![match_other_families(&SOCKET_FAMILIES)?]),
        (c::SYS_socketpair, vec![match_other_families(&SOCKET_FAMILIES)?]),
    ]);
    let unknown_family = SeccompAction::Errno(c::EAFNOSUPPORT.unsigned_abs());
    Ok(vec![
        compile_filter(other_families, SeccompAction::Allow, unknown_family)?,
        compile_filter(no_clone3, SeccompAction::Allow, SeccompAction::Errno(c::ENOSYS.unsigned_abs()))?,
        compile_filter(rules, SeccompAction::Errno(c::EPERM.unsigned_abs()), SeccompAction::Allow)?,
    ])
}

/// Builds the filter of the layer unpacker.
pub fn build_unpacker_filters() -> Result<Filters> {
    let rules = allow_calls(UNPACKER_CALLS.iter())?;
    Ok(vec![compile_filter(rules, SeccompAction::Errno(c::EPERM.unsigned_abs()), SeccompAction::Allow)?])
}

/// Builds the filter of the probe process: it may make IPv4 sockets only, and open no files.
pub fn build_prober_filters() -> Result<Filters> {
    let mut rules = allow_calls(PROBER_CALLS.iter())?;
    rules.insert(c::SYS_socket, vec![match_socket_family(c::AF_INET)?]);
    Ok(vec![compile_filter(rules, SeccompAction::Errno(c::EPERM.unsigned_abs()), SeccompAction::Allow)?])
}

fn match_socket_family(family: i32) -> Result<SeccompRule> {
    let family = u64::from(family.unsigned_abs());
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(Error::internal)
}

/// Matches sockets of all families but these. The kernel reads the family as a 32-bit number.
fn match_other_families(families: &[i32]) -> Result<SeccompRule> {
    let differs = |family: &i32| {
        let family = u64::from(family.unsigned_abs());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    };
    families
        .iter()
        .map(differs)
        .collect::<std::result::Result<Vec<_>, _>>()
        .and_then(SeccompRule::new)
        .map_err(Error::internal)
}

/// Loads filters into this process and sets `no_new_privs`.
pub fn load_filters(filters: &Filters) -> Result<()> {
    filters.iter().try_for_each(|filter| seccompiler::apply_filter(filter)).map_err(Error::internal)
}

type SyscallRules = BTreeMap<i64, Vec<SeccompRule>>;

fn allow_calls<'a>(calls: impl Iterator<Item = &'a i64>) -> Result<SyscallRules> {
    Ok(calls.map(|call| (*call, Vec::new())).collect())
}

fn match_clone_without_namespaces() -> Result<SeccompRule> {
    let mask = SeccompCmpOp::MaskedEq(u64::from(NAMESPACE_FLAGS.unsigned_abs()));
    SeccompCondition::new(0, SeccompCmpArgLen::Qword, mask, 0)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(Error::internal)
}

fn compile_filter(
    rules: SyscallRules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(Error::internal)?;
    SeccompFilter::new(rules, otherwise, matched, arch)
        .and_then(BpfProgram::try_from)
        .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use rustix::process::WaitOptions;

    use super::*;
    use crate::sys::child::{self, ForkSide};

    /// Makes a socket of a family in a child with the filters of `isolation`. Returns the error number, 0 for
    /// success.
    fn try_family(isolation: Isolation, family: i32, make: fn(i32) -> i32) -> i32 {
        let filters = build_container_filters(isolation).expect("filters");
        match child::fork_process(0).expect("a child") {
            ForkSide::Child => {
                let done = if load_filters(&filters).is_ok() { make(family) } else { 255 };
                child::exit_immediately(done)
            }
            ForkSide::Parent(pid, _) => {
                let (_, status) = rustix::process::waitpid(Some(pid), WaitOptions::empty())
                    .expect("wait")
                    .expect("an exit");
                status.exit_status().expect("a status")
            }
        }
    }

    fn make_socket(family: i32) -> i32 {
        let family = rustix::net::AddressFamily::from_raw(u16::try_from(family).unwrap_or_default());
        rustix::net::socket(family, rustix::net::SocketType::DGRAM, None)
            .map_or_else(|error| error.raw_os_error(), |_| 0)
    }

    fn make_pair(family: i32) -> i32 {
        let family = rustix::net::AddressFamily::from_raw(u16::try_from(family).unwrap_or_default());
        let made = rustix::net::socketpair(
            family,
            rustix::net::SocketType::STREAM,
            rustix::net::SocketFlags::empty(),
            None,
        );
        made.map_or_else(|error| error.raw_os_error(), |_| 0)
    }

    #[test]
    fn socket_families_outside_of_the_list_are_unknown_to_containers() {
        for isolation in [Isolation::Tool, Isolation::Build] {
            for family in
                [c::AF_VSOCK, c::AF_ALG, c::AF_PACKET, c::AF_BLUETOOTH, c::AF_TIPC, c::AF_XDP, 0, 46]
            {
                assert_eq!(try_family(isolation, family, make_socket), c::EAFNOSUPPORT, "{family}");
            }
            for family in [c::AF_UNIX, c::AF_INET] {
                assert_eq!(try_family(isolation, family, make_socket), 0, "{family}");
            }
            assert_eq!(try_family(isolation, c::AF_TIPC, make_pair), c::EAFNOSUPPORT);
            assert_eq!(try_family(isolation, c::AF_UNIX, make_pair), 0);
        }
    }
}
