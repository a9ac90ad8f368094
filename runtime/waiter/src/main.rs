//! The waiter as a separate program, without standard library, C library or relocations, so that nearly all
//! of its few pages are shared between processes. Built by `runtime/local/build.rs`.
//!
//! Unsafe code of the waiter exists only here (the entry point that the kernel calls) and in `memory`
//! (functions that the compiler requires).
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "a program without a standard library has no safe entry point")]

mod memory;

use core::{
    arch::global_asm,
    ffi::{CStr, c_char},
    panic::PanicInfo,
    slice,
};

use hearth_runtime_waiter::{BAD_ARGUMENTS_STATUS, STREAM_BUFFER_BYTES, WaiterParameters, run_waiter};
use rustix::fd::BorrowedFd;

// The kernel starts the program here, with the argument count and the arguments on the stack (System V ABI,
// processor supplements: "Process Initialization"). The return value of `main` is the status of `exit_group`;
// `leave_now` receives it as its first argument.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start, leave_now",
    "_start: xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {main}",
    "mov edi, eax",
    "leave_now: mov eax, 231",
    "syscall",
    "ud2",
    main = sym main,
);
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start, leave_now",
    "_start: mov x29, #0",
    "mov x30, #0",
    "mov x0, sp",
    "bl {main}",
    "leave_now: mov x8, #94",
    "svc #0",
    "brk #1",
    main = sym main,
);

unsafe extern "C" {
    safe fn leave_now(status: i32) -> !;
}

/// Buffers of the two streams. Pages in `.bss` use no memory before they are written.
static mut STREAM_BUFFERS: [[u8; STREAM_BUFFER_BYTES]; 2] = [[0; STREAM_BUFFER_BYTES]; 2];

extern "C" fn main(stack: *const usize) -> i32 {
    // SAFETY: the kernel puts the argument count at the top of the stack, followed by as many pointers.
    let arguments = unsafe { slice::from_raw_parts(stack.add(1).cast::<*const c_char>(), *stack) };
    // SAFETY: each pointer refers to a zero-terminated string that lives as long as the process.
    let arguments = arguments.iter().map(|text| unsafe { CStr::from_ptr(*text) });
    // SAFETY: the helper has left these descriptors open for this program, and nothing here closes them.
    let inherited = |fd: i32| (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) });
    // The first two arguments, program name and folder, identify the process in the output of `ps`.
    let Some(parameters) = WaiterParameters::parse_arguments(arguments.skip(2), inherited) else {
        return BAD_ARGUMENTS_STATUS;
    };
    let _ = rustix::thread::set_name(c"hearth-waiter");
    // SAFETY: this function is called once, in a process with one thread, so the reference is unique.
    let buffers = unsafe { &mut *(&raw mut STREAM_BUFFERS) };
    i32::from(run_waiter(&parameters, buffers).is_err())
}

/// Exits. The kernel then kills the container, whose end is reported as lost.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    leave_now(101)
}
