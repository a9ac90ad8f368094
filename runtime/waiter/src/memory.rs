//! Memory functions that the compiler requires in every program and a C library usually provides (C standard,
//! `string.h`; `bcmp` as in POSIX.1-2001).
//!
//! They work byte by byte with volatile accesses, because the compiler would turn a plain loop into a call of
//! the same function. Speed does not matter: lines go from the pipe to the disk without a copy in this
//! program.

/// # Safety
///
/// As for all functions in this file: pointers are valid for `count` bytes, or up to the terminating zero.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: within `count` bytes, for which the caller guarantees validity.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if to.addr() <= from.addr() {
        // SAFETY: the same guarantee; copying from the front overwrites no byte before it is read.
        return unsafe { memcpy(to, from, count) };
    }
    for at in (0..count).rev() {
        // SAFETY: within `count` bytes, for which the caller guarantees validity.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: within `count` bytes, for which the caller guarantees validity.
        unsafe { to.add(at).write_volatile(byte as u8) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: within `count` bytes, for which the caller guarantees validity.
        let (one, other) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    // SAFETY: the same guarantee.
    unsafe { memcmp(one, other, count) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut count = 0;
    // SAFETY: up to the terminating zero, for which the caller guarantees validity.
    while unsafe { text.add(count).read_volatile() } != 0 {
        count += 1;
    }
    count
}
