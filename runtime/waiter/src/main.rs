//! The waiter as a program of its own: no standard library, no C library, nothing that has to be relocated or set up,
//! so that of its few pages hardly any is a copy. Built by `runtime/local/build.rs`.
//!
//! The only unsafe code of the waiter, with `memory`: how the kernel starts a program, and what a compiler expects to
//! be there.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "a program without a standard library has no safe beginning")]

mod memory;

use core::{
    arch::global_asm,
    ffi::{CStr, c_char},
    panic::PanicInfo,
    slice,
};

use hearth_runtime_waiter::{Plan, ROOM, UNTOLD, run};
use rustix::fd::BorrowedFd;

// The kernel begins here, with the arguments' count and the arguments on the stack (System V ABI, processor
// supplements: "Process Initialization"). What `main` returns is the status of `exit_group`; `leave_now` takes it as a
// function's first argument.
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

/// What the streams bring. Zeroes that nobody has touched are no memory.
static mut STREAMS: [[u8; ROOM]; 2] = [[0; ROOM]; 2];

extern "C" fn main(stack: *const usize) -> i32 {
    // SAFETY: the count of arguments lies at the stack's beginning, and as many pointers behind it.
    let arguments = unsafe { slice::from_raw_parts(stack.add(1).cast::<*const c_char>(), *stack) };
    // SAFETY: each points to a text that ends with a zero and stays where it is as long as the process.
    let arguments = arguments.iter().map(|text| unsafe { CStr::from_ptr(*text) });
    // SAFETY: whoever started this program has left these open for it, and nothing here closes them.
    let inherited = |fd: i32| (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) });
    // The first is the program's name, the second the folder: for people who look at processes.
    let Some(plan) = Plan::read(arguments.skip(2), inherited) else { return UNTOLD };
    let _ = rustix::thread::set_name(c"hearth-waiter");
    // SAFETY: this function is called once, in a process that has one thread.
    let streams = unsafe { &mut *(&raw mut STREAMS) };
    i32::from(run(&plan, streams).is_err())
}

/// The container goes with this process, and its end is found to be lost.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    leave_now(101)
}
