//! Which system calls a container's programs may make. Whatever is not named here fails with EPERM.
//!
//! `clone` makes no namespaces, `clone3` says ENOSYS so that C libraries fall back to `clone`, and there is no
//! bpf, perf, keyctl, `io_uring`, setns or mount.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use hearth_runtime_api::Isolation;
use libc as c;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

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

const ORDINARY: &[i64] = &[
    // files
    c::SYS_read,
    c::SYS_write,
    c::SYS_readv,
    c::SYS_writev,
    c::SYS_pread64,
    c::SYS_pwrite64,
    c::SYS_preadv,
    c::SYS_pwritev,
    c::SYS_preadv2,
    c::SYS_pwritev2,
    c::SYS_lseek,
    c::SYS_openat,
    c::SYS_openat2,
    c::SYS_close,
    c::SYS_close_range,
    c::SYS_newfstatat,
    c::SYS_fstat,
    c::SYS_statx,
    c::SYS_statfs,
    c::SYS_fstatfs,
    c::SYS_faccessat,
    c::SYS_faccessat2,
    c::SYS_readlinkat,
    c::SYS_linkat,
    c::SYS_symlinkat,
    c::SYS_unlinkat,
    c::SYS_renameat,
    c::SYS_renameat2,
    c::SYS_mkdirat,
    c::SYS_mknodat,
    c::SYS_fchmod,
    c::SYS_fchmodat,
    c::SYS_fchmodat2,
    c::SYS_fchown,
    c::SYS_fchownat,
    c::SYS_utimensat,
    c::SYS_truncate,
    c::SYS_ftruncate,
    c::SYS_fallocate,
    c::SYS_fsync,
    c::SYS_fdatasync,
    c::SYS_sync,
    c::SYS_syncfs,
    c::SYS_sync_file_range,
    c::SYS_fadvise64,
    c::SYS_readahead,
    c::SYS_copy_file_range,
    c::SYS_sendfile,
    c::SYS_splice,
    c::SYS_tee,
    c::SYS_vmsplice,
    c::SYS_flock,
    c::SYS_fcntl,
    c::SYS_ioctl,
    c::SYS_dup,
    c::SYS_dup3,
    c::SYS_pipe2,
    c::SYS_getdents64,
    c::SYS_getcwd,
    c::SYS_chdir,
    c::SYS_fchdir,
    c::SYS_chroot,
    c::SYS_umask,
    c::SYS_getxattr,
    c::SYS_lgetxattr,
    c::SYS_fgetxattr,
    c::SYS_setxattr,
    c::SYS_lsetxattr,
    c::SYS_fsetxattr,
    c::SYS_listxattr,
    c::SYS_llistxattr,
    c::SYS_flistxattr,
    c::SYS_removexattr,
    c::SYS_lremovexattr,
    c::SYS_fremovexattr,
    c::SYS_inotify_init1,
    c::SYS_inotify_add_watch,
    c::SYS_inotify_rm_watch,
    c::SYS_memfd_create,
    c::SYS_name_to_handle_at,
    // memory
    c::SYS_mmap,
    c::SYS_munmap,
    c::SYS_mremap,
    c::SYS_mprotect,
    c::SYS_msync,
    c::SYS_madvise,
    c::SYS_mlock,
    c::SYS_mlock2,
    c::SYS_munlock,
    c::SYS_mlockall,
    c::SYS_munlockall,
    c::SYS_mincore,
    c::SYS_brk,
    c::SYS_membarrier,
    c::SYS_memfd_secret,
    c::SYS_pkey_alloc,
    c::SYS_pkey_free,
    c::SYS_pkey_mprotect,
    c::SYS_process_madvise,
    // processes and threads
    c::SYS_execve,
    c::SYS_execveat,
    c::SYS_exit,
    c::SYS_exit_group,
    c::SYS_wait4,
    c::SYS_waitid,
    c::SYS_kill,
    c::SYS_tkill,
    c::SYS_tgkill,
    c::SYS_getpid,
    c::SYS_getppid,
    c::SYS_gettid,
    c::SYS_getpgid,
    c::SYS_setpgid,
    c::SYS_getsid,
    c::SYS_setsid,
    c::SYS_getuid,
    c::SYS_geteuid,
    c::SYS_getgid,
    c::SYS_getegid,
    c::SYS_getresuid,
    c::SYS_getresgid,
    c::SYS_getgroups,
    c::SYS_setuid,
    c::SYS_setgid,
    c::SYS_setreuid,
    c::SYS_setregid,
    c::SYS_setresuid,
    c::SYS_setresgid,
    c::SYS_setgroups,
    c::SYS_setfsuid,
    c::SYS_setfsgid,
    c::SYS_capget,
    c::SYS_capset,
    c::SYS_prctl,
    c::SYS_personality,
    c::SYS_seccomp,
    c::SYS_getrlimit,
    c::SYS_setrlimit,
    c::SYS_prlimit64,
    c::SYS_getrusage,
    c::SYS_getpriority,
    c::SYS_setpriority,
    c::SYS_sched_yield,
    c::SYS_sched_getaffinity,
    c::SYS_sched_setaffinity,
    c::SYS_sched_getparam,
    c::SYS_sched_setparam,
    c::SYS_sched_getscheduler,
    c::SYS_sched_setscheduler,
    c::SYS_sched_getattr,
    c::SYS_sched_setattr,
    c::SYS_sched_get_priority_max,
    c::SYS_sched_get_priority_min,
    c::SYS_sched_rr_get_interval,
    c::SYS_ioprio_get,
    c::SYS_ioprio_set,
    c::SYS_getcpu,
    c::SYS_set_tid_address,
    c::SYS_set_robust_list,
    c::SYS_get_robust_list,
    c::SYS_rseq,
    c::SYS_futex,
    c::SYS_futex_waitv,
    c::SYS_pidfd_open,
    c::SYS_pidfd_send_signal,
    c::SYS_restart_syscall,
    // signals and time
    c::SYS_rt_sigaction,
    c::SYS_rt_sigprocmask,
    c::SYS_rt_sigreturn,
    c::SYS_rt_sigpending,
    c::SYS_rt_sigsuspend,
    c::SYS_rt_sigtimedwait,
    c::SYS_rt_sigqueueinfo,
    c::SYS_rt_tgsigqueueinfo,
    c::SYS_sigaltstack,
    c::SYS_signalfd4,
    c::SYS_nanosleep,
    c::SYS_clock_nanosleep,
    c::SYS_clock_gettime,
    c::SYS_clock_getres,
    c::SYS_gettimeofday,
    c::SYS_timer_create,
    c::SYS_timer_delete,
    c::SYS_timer_settime,
    c::SYS_timer_gettime,
    c::SYS_timer_getoverrun,
    c::SYS_timerfd_create,
    c::SYS_timerfd_settime,
    c::SYS_timerfd_gettime,
    c::SYS_getitimer,
    c::SYS_setitimer,
    c::SYS_times,
    // waiting and talking
    c::SYS_ppoll,
    c::SYS_pselect6,
    c::SYS_epoll_create1,
    c::SYS_epoll_ctl,
    c::SYS_epoll_pwait,
    c::SYS_epoll_pwait2,
    c::SYS_eventfd2,
    c::SYS_socket,
    c::SYS_socketpair,
    c::SYS_bind,
    c::SYS_listen,
    c::SYS_accept,
    c::SYS_accept4,
    c::SYS_connect,
    c::SYS_getsockname,
    c::SYS_getpeername,
    c::SYS_sendto,
    c::SYS_recvfrom,
    c::SYS_sendmsg,
    c::SYS_recvmsg,
    c::SYS_sendmmsg,
    c::SYS_recvmmsg,
    c::SYS_setsockopt,
    c::SYS_getsockopt,
    c::SYS_shutdown,
    c::SYS_io_setup,
    c::SYS_io_submit,
    c::SYS_io_getevents,
    c::SYS_io_cancel,
    c::SYS_io_destroy,
    // System V and POSIX queues, in the container's own namespace
    c::SYS_shmget,
    c::SYS_shmat,
    c::SYS_shmdt,
    c::SYS_shmctl,
    c::SYS_semget,
    c::SYS_semop,
    c::SYS_semctl,
    c::SYS_semtimedop,
    c::SYS_msgget,
    c::SYS_msgsnd,
    c::SYS_msgrcv,
    c::SYS_msgctl,
    c::SYS_mq_open,
    c::SYS_mq_unlink,
    c::SYS_mq_timedsend,
    c::SYS_mq_timedreceive,
    c::SYS_mq_notify,
    c::SYS_mq_getsetattr,
    // the machine
    c::SYS_uname,
    c::SYS_sysinfo,
    c::SYS_getrandom,
    c::SYS_landlock_create_ruleset,
    c::SYS_landlock_add_rule,
    c::SYS_landlock_restrict_self,
];

/// Calls that newer machines no longer have.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[
    c::SYS_open,
    c::SYS_creat,
    c::SYS_stat,
    c::SYS_lstat,
    c::SYS_access,
    c::SYS_readlink,
    c::SYS_link,
    c::SYS_symlink,
    c::SYS_unlink,
    c::SYS_rename,
    c::SYS_mkdir,
    c::SYS_rmdir,
    c::SYS_mknod,
    c::SYS_chmod,
    c::SYS_chown,
    c::SYS_lchown,
    c::SYS_utime,
    c::SYS_utimes,
    c::SYS_futimesat,
    c::SYS_getdents,
    c::SYS_dup2,
    c::SYS_pipe,
    c::SYS_fork,
    c::SYS_vfork,
    c::SYS_getpgrp,
    c::SYS_alarm,
    c::SYS_pause,
    c::SYS_time,
    c::SYS_poll,
    c::SYS_select,
    c::SYS_epoll_create,
    c::SYS_epoll_wait,
    c::SYS_eventfd,
    c::SYS_signalfd,
    c::SYS_inotify_init,
    c::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[i64] = &[];

/// What building an image needs beyond that, inside its own user namespace.
const BUILD: &[i64] = &[
    c::SYS_mount,
    c::SYS_umount2,
    c::SYS_pivot_root,
    c::SYS_unshare,
    c::SYS_setns,
    c::SYS_sethostname,
    c::SYS_setdomainname,
    c::SYS_fsopen,
    c::SYS_fsconfig,
    c::SYS_fsmount,
    c::SYS_move_mount,
    c::SYS_open_tree,
    c::SYS_mount_setattr,
];

/// What the unpacker of layers needs.
const UNPACK: &[i64] = &[
    c::SYS_read,
    c::SYS_write,
    c::SYS_readv,
    c::SYS_writev,
    c::SYS_lseek,
    c::SYS_openat,
    c::SYS_openat2,
    c::SYS_close,
    c::SYS_newfstatat,
    c::SYS_fstat,
    c::SYS_statx,
    c::SYS_linkat,
    c::SYS_symlinkat,
    c::SYS_unlinkat,
    c::SYS_mkdirat,
    c::SYS_mknodat,
    c::SYS_fchmod,
    c::SYS_fchmodat,
    c::SYS_fchown,
    c::SYS_fchownat,
    c::SYS_utimensat,
    c::SYS_ftruncate,
    c::SYS_fsync,
    c::SYS_syncfs,
    c::SYS_fcntl,
    c::SYS_getdents64,
    c::SYS_fsetxattr,
    c::SYS_setxattr,
    c::SYS_lsetxattr,
    c::SYS_mmap,
    c::SYS_munmap,
    c::SYS_mremap,
    c::SYS_mprotect,
    c::SYS_madvise,
    c::SYS_brk,
    c::SYS_exit,
    c::SYS_exit_group,
    c::SYS_futex,
    c::SYS_getrandom,
    c::SYS_clock_gettime,
    c::SYS_rt_sigaction,
    c::SYS_rt_sigprocmask,
    c::SYS_rt_sigreturn,
    c::SYS_sigaltstack,
    c::SYS_restart_syscall,
    c::SYS_readlinkat,
    c::SYS_faccessat,
    c::SYS_faccessat2,
    c::SYS_getpid,
    c::SYS_gettid,
    c::SYS_tgkill,
    c::SYS_sched_yield,
    c::SYS_fadvise64,
    c::SYS_umask,
];
