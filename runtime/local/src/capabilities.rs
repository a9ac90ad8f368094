//! Linux capabilities of a container's root, inside its own user namespace.

use hearth_runtime_api::Isolation;
use libcontainer::oci_spec::runtime::{Capabilities, Capability};

// linux/capability.h
const CAP_CHOWN: u32 = 0;
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_FOWNER: u32 = 3;
const CAP_FSETID: u32 = 4;
const CAP_KILL: u32 = 5;
const CAP_SETGID: u32 = 6;
const CAP_SETUID: u32 = 7;
const CAP_SETPCAP: u32 = 8;
const CAP_NET_BIND_SERVICE: u32 = 10;
const CAP_SYS_CHROOT: u32 = 18;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SETFCAP: u32 = 31;

const TOOL_CAPABILITIES: [u32; 9] = [
    CAP_CHOWN,
    CAP_DAC_OVERRIDE,
    CAP_FOWNER,
    CAP_FSETID,
    CAP_KILL,
    CAP_SETGID,
    CAP_SETUID,
    CAP_NET_BIND_SERVICE,
    CAP_SETPCAP,
];
const BUILD_CAPABILITIES: [u32; 3] = [CAP_SETFCAP, CAP_SYS_CHROOT, CAP_SYS_ADMIN];
/// Capabilities of the layer unpacker, as a bit set.
pub const UNPACKER_CAPABILITIES: u64 =
    1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE | 1 << CAP_FOWNER | 1 << CAP_FSETID;

fn list_capabilities(isolation: Isolation) -> impl Iterator<Item = u32> {
    let more: &[u32] = match isolation {
        Isolation::Tool => &[],
        Isolation::Build => &BUILD_CAPABILITIES,
    };
    TOOL_CAPABILITIES.into_iter().chain(more.iter().copied())
}

/// Capabilities as a bit set.
pub fn build_capability_bits(isolation: Isolation) -> u64 {
    list_capabilities(isolation).fold(0, |bits, number| bits | 1 << number)
}

/// Capabilities as names of the OCI runtime specification.
pub fn build_oci_capabilities(isolation: Isolation) -> Capabilities {
    let name = |number| match number {
        CAP_CHOWN => Capability::Chown,
        CAP_DAC_OVERRIDE => Capability::DacOverride,
        CAP_FOWNER => Capability::Fowner,
        CAP_FSETID => Capability::Fsetid,
        CAP_KILL => Capability::Kill,
        CAP_SETGID => Capability::Setgid,
        CAP_SETUID => Capability::Setuid,
        CAP_SETPCAP => Capability::Setpcap,
        CAP_NET_BIND_SERVICE => Capability::NetBindService,
        CAP_SYS_CHROOT => Capability::SysChroot,
        CAP_SYS_ADMIN => Capability::SysAdmin,
        _ => Capability::Setfcap,
    };
    list_capabilities(isolation).map(name).collect()
}
