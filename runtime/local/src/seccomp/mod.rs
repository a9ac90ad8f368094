//! Seccomp filters: allow lists of system calls. All other calls fail with EPERM.
//!
//! In a tool's container `clone` makes no namespaces, `clone3` fails with ENOSYS so that C libraries fall
//! back to `clone`, and bpf, perf, keyctl, `io_uring`, setns and mount are forbidden.

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
    Ok(vec![
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
