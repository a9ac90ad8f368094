//! What a compiler expects of every program, and a C library brings otherwise: bytes copied, set, compared, counted
//! (C standard, `string.h`; `bcmp` as in POSIX.1-2001).
//!
//! A byte at a time, and volatile, for of a plain loop the compiler would make a call of the very function it is in.
//! Nothing here is worth more: lines go from the pipe to the disk without being copied by this program.

/// # Safety
///
/// As of all in this file: the pointers are good for `count` bytes, or to the zero that ends a text.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: within `count` bytes, which the caller answers for.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if to.addr() <= from.addr() {
        // SAFETY: the same promise; from the front nothing is overwritten before it was read.
        return unsafe { memcpy(to, from, count) };
    }
    for at in (0..count).rev() {
        // SAFETY: within `count` bytes, which the caller answers for.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: within `count` bytes, which the caller answers for.
        unsafe { to.add(at).write_volatile(byte as u8) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: within `count` bytes, which the caller answers for.
        let (one, other) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    // SAFETY: the same promise.
    unsafe { memcmp(one, other, count) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut count = 0;
    // SAFETY: up to the zero that ends the text, for which the caller answers.
    while unsafe { text.add(count).read_volatile() } != 0 {
        count += 1;
    }
    count
}
