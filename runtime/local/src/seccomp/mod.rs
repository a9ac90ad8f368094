//! Which system calls a container's programs may make. Whatever is not named here fails with EPERM.
//!
//! `clone` makes no namespaces, `clone3` says ENOSYS so that C libraries fall back to `clone`, and there is no
//! bpf, perf, keyctl, `io_uring`, setns or mount.

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

use calls::{BUILD, OLD, ORDINARY};
use own_calls::{PROBE, UNPACK};

/// Filters in the order in which to load them.
pub type Filters = Vec<BpfProgram>;

/// Flags of clone that make namespaces.
const NAMESPACES: i32 = c::CLONE_NEWCGROUP
    | c::CLONE_NEWIPC
    | c::CLONE_NEWNET
    | c::CLONE_NEWNS
    | c::CLONE_NEWPID
    | c::CLONE_NEWUSER
    | c::CLONE_NEWUTS;

/// The filters for a container.
pub fn container(isolation: Isolation) -> Result<Filters> {
    let build: &[i64] = match isolation {
        Isolation::Tool => &[],
        Isolation::Build => BUILD,
    };
    let mut rules = allowed(ORDINARY.iter().chain(OLD).chain(build))?;
    let clone = match isolation {
        Isolation::Tool => vec![without_namespaces()?],
        Isolation::Build => Vec::new(),
    };
    rules.insert(c::SYS_clone, clone);
    rules.insert(c::SYS_clone3, Vec::new());
    let no_clone3 = BTreeMap::from([(c::SYS_clone3, Vec::new())]);
    Ok(vec![
        compile(no_clone3, SeccompAction::Allow, SeccompAction::Errno(c::ENOSYS.unsigned_abs()))?,
        compile(rules, SeccompAction::Errno(c::EPERM.unsigned_abs()), SeccompAction::Allow)?,
    ])
}

/// The filter for the unpacker of layers.
pub fn unpacker() -> Result<Filters> {
    let rules = allowed(UNPACK.iter())?;
    Ok(vec![compile(rules, SeccompAction::Errno(c::EPERM.unsigned_abs()), SeccompAction::Allow)?])
}

/// The filter for the process that sends probes: its sockets are of IPv4, and it opens no file.
pub fn prober() -> Result<Filters> {
    let mut rules = allowed(PROBE.iter())?;
    rules.insert(c::SYS_socket, vec![of_family(c::AF_INET)?]);
    Ok(vec![compile(rules, SeccompAction::Errno(c::EPERM.unsigned_abs()), SeccompAction::Allow)?])
}

fn of_family(family: i32) -> Result<SeccompRule> {
    let family = u64::from(family.unsigned_abs());
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(Error::internal)
}

/// Loads filters into this process, which gets no new privileges from now on.
pub fn load(filters: &Filters) -> Result<()> {
    filters.iter().try_for_each(|filter| seccompiler::apply_filter(filter)).map_err(Error::internal)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn allowed<'a>(calls: impl Iterator<Item = &'a i64>) -> Result<Rules> {
    Ok(calls.map(|call| (*call, Vec::new())).collect())
}

fn without_namespaces() -> Result<SeccompRule> {
    let mask = SeccompCmpOp::MaskedEq(u64::from(NAMESPACES.unsigned_abs()));
    SeccompCondition::new(0, SeccompCmpArgLen::Qword, mask, 0)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(Error::internal)
}

fn compile(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> Result<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(Error::internal)?;
    SeccompFilter::new(rules, otherwise, matched, arch)
        .and_then(BpfProgram::try_from)
        .map_err(Error::internal)
}
