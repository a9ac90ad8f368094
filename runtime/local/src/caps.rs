//! The capabilities a container's root has inside its own user namespace.

use hearth_runtime_api::Isolation;
use libcontainer::oci_spec::runtime::{Capabilities, Capability};

// linux/capability.h
const CHOWN: u32 = 0;
const DAC_OVERRIDE: u32 = 1;
const FOWNER: u32 = 3;
const FSETID: u32 = 4;
const KILL: u32 = 5;
const SETGID: u32 = 6;
const SETUID: u32 = 7;
const SETPCAP: u32 = 8;
const NET_BIND_SERVICE: u32 = 10;
const SYS_CHROOT: u32 = 18;
const SYS_ADMIN: u32 = 21;
const SETFCAP: u32 = 31;

const TOOL: [u32; 9] = [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE, SETPCAP];
const BUILD: [u32; 3] = [SETFCAP, SYS_CHROOT, SYS_ADMIN];
/// What the unpacker of layers needs.
pub const UNPACK: u64 = 1 << CHOWN | 1 << DAC_OVERRIDE | 1 << FOWNER | 1 << FSETID;

fn numbers(isolation: Isolation) -> impl Iterator<Item = u32> {
    let more: &[u32] = match isolation {
        Isolation::Tool => &[],
        Isolation::Build => &BUILD,
    };
    TOOL.into_iter().chain(more.iter().copied())
}

/// As the bits of a set.
pub fn bits(isolation: Isolation) -> u64 {
    numbers(isolation).fold(0, |bits, number| bits | 1 << number)
}

/// As the runtime specification names them.
pub fn named(isolation: Isolation) -> Capabilities {
    let name = |number| match number {
        CHOWN => Capability::Chown,
        DAC_OVERRIDE => Capability::DacOverride,
        FOWNER => Capability::Fowner,
        FSETID => Capability::Fsetid,
        KILL => Capability::Kill,
        SETGID => Capability::Setgid,
        SETUID => Capability::Setuid,
        SETPCAP => Capability::Setpcap,
        NET_BIND_SERVICE => Capability::NetBindService,
        SYS_CHROOT => Capability::SysChroot,
        SYS_ADMIN => Capability::SysAdmin,
        _ => Capability::Setfcap,
    };
    numbers(isolation).map(name).collect()
}
