//! Returning unneeded memory of this process to the host.
#![expect(unsafe_code, reason = "malloc's settings and madvise have no safe form in the allowed crates")]

use std::{fs, io, ops::Range, sync::OnceLock};

use rustix::mm::Advice;

/// File mappings at the start of the process: the program and its shared libraries. They stay mapped until it
/// exits.
static INITIAL_FILE_MAPPINGS: OnceLock<Vec<Range<usize>>> = OnceLock::new();

/// Limits glibc malloc to two arenas, and records the file mappings that [`trim_memory`] may discard. By
/// default each allocating thread gets its own arena, up to eight for each processor, and the arenas keep
/// freed memory. Call it at the top of `main`, before another thread exists.
pub fn init_memory_trimming() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number; no thread allocates meanwhile.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
    let mapped = fs::read_to_string("/proc/self/smaps")
        .map_or_else(|_| Vec::new(), |smaps| find_clean_mappings(&smaps));
    let _noted_once = INITIAL_FILE_MAPPINGS.set(mapped);
}

/// Returns free malloc memory to the host, and discards unmodified pages of the program and its libraries.
/// The kernel reads discarded pages again when they are used.
pub fn trim_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    if let Err(error) = discard_program_pages() {
        tracing::debug!(%error, "memory not trimmed");
    }
}

fn discard_program_pages() -> io::Result<()> {
    let Some(mapped) = INITIAL_FILE_MAPPINGS.get() else { return Ok(()) };
    let now = find_clean_mappings(&fs::read_to_string("/proc/self/smaps")?);
    for range in mapped.iter().filter(|range| now.contains(range)) {
        let start = std::ptr::with_exposed_provenance_mut(range.start);
        // SAFETY: these file pages have been mapped since the process had one thread, and stay mapped until
        // it exits. They are not writable and unmodified, so the kernel reads the same bytes again when they
        // are touched.
        unsafe { rustix::mm::madvise(start, range.len(), Advice::LinuxDontNeed) }?;
    }
    Ok(())
}

/// Lists the file mappings that are not writable and have no private copy of a page (`proc_pid_smaps(5)`).
/// The loader modifies some mappings before it makes them read-only; discarding these would lose its changes.
fn find_clean_mappings(smaps: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("Anonymous:" | "Swap:"), size) if size != Some("0") => last = None,
            (Some(field), _) if field.ends_with(':') => {}
            (Some(range), Some(powers)) => {
                found.extend(last.take());
                let of_a_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
                last = parse_range(range)
                    .filter(|_| of_a_file && powers.starts_with('r') && !powers.contains('w'));
            }
            _ => {}
        }
    }
    found.extend(last);
    found
}

fn parse_range(range: &str) -> Option<Range<usize>> {
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unmodified_file_pages_are_discarded() {
        let mapping = |head: &str, anonymous: u32, swap: u32| {
            let counts = "Shared_Dirty: 0 kB\nPrivate_Clean: 4 kB\nPrivate_Dirty: 0 kB";
            format!(
                "{head}\nSize: 4 kB\n{counts}\nAnonymous: {anonymous} kB\nSwap: {swap} kB\nVmFlags: rd mr\n"
            )
        };
        let smaps = [
            mapping("1000-2000 r-xp 00000000 fe:00 7 /usr/bin/hearthd", 0, 0),
            mapping("2000-3000 r--p 00001000 fe:00 7 /usr/bin/hearthd", 4, 0),
            mapping("3000-4000 rw-p 00002000 fe:00 7 /usr/bin/hearthd", 0, 0),
            mapping("4000-5000 r--p 00000000 00:00 0 [vvar]", 0, 0),
            mapping("5000-6000 r--p 00000000 00:00 0", 0, 0),
            mapping("6000-8000 r--p 00000000 fe:00 8 /usr/lib/libc.so.6", 0, 0),
            mapping("8000-9000 r--p 00000000 fe:00 8 /usr/lib/libc.so.6", 0, 4),
        ];
        assert_eq!(find_clean_mappings(&smaps.concat()), [0x1000..0x2000, 0x6000..0x8000]);
    }

    #[test]
    fn program_runs_on_after_memory_is_trimmed() {
        init_memory_trimming();
        assert!(INITIAL_FILE_MAPPINGS.get().is_some_and(|mapped| !mapped.is_empty()));
        // While a child runs, the kernel counts private copies of pages as shared.
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        trim_memory();
        let many: Vec<String> = (0..1000).map(|number| format!("{number:?}")).collect();
        assert_eq!(many.join(",").len(), 3889);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
