//! Memory that a process has and does not need.
#![expect(unsafe_code, reason = "malloc's settings and madvise have no safe form in the kept crates")]

use std::{fs, io};

use rustix::mm::Advice;

/// Keeps malloc to few arenas. Each thread that allocates gets one of its own otherwise, up to eight for each
/// processor, and keeps what it has freed. For the start of a process.
pub fn few_arenas() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number; no thread allocates meanwhile.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Gives back to the host what this process does not need at the moment: what malloc keeps for later, and the parts
/// of programs on the disk that only a start needs. What is needed again comes back by itself.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    if let Err(error) = forget_programs() {
        tracing::debug!(%error, "memory is not given back");
    }
}

/// Forgets pages of programs and libraries that nobody has written to.
fn forget_programs() -> io::Result<()> {
    for clean in clean(&fs::read_to_string("/proc/self/smaps")?) {
        let start = std::ptr::with_exposed_provenance_mut(clean.start);
        // SAFETY: these are pages of files, mapped for this process's whole life, that it can't write to and never
        // has: the kernel reads the same bytes again when they are touched next.
        unsafe { rustix::mm::madvise(start, clean.end - clean.start, Advice::LinuxDontNeed) }?;
    }
    Ok(())
}

/// The mappings of files that are not writable and in which nothing was written (`proc_pid_smaps(5)`): the loader
/// writes into some of them before it closes them.
fn clean(smaps: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut mapping = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("Private_Dirty:"), Some("0")) => found.extend(mapping.take()),
            (Some("Private_Dirty:"), _) => mapping = None,
            (Some(range), Some(powers)) if !range.ends_with(':') => {
                let of_a_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
                mapping =
                    read(range).filter(|_| of_a_file && powers.starts_with('r') && !powers.contains('w'));
            }
            _ => {}
        }
    }
    found
}

fn read(range: &str) -> Option<std::ops::Range<usize>> {
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clean_pages_of_files_are_forgotten() {
        let mapping = |head: &str, dirty: u32| {
            format!(
                "{head}\nSize: 4 kB\nShared_Dirty: 0 kB\nPrivate_Clean: 4 kB\nPrivate_Dirty: {dirty} kB\nVmFlags: rd mr\n"
            )
        };
        let smaps = [
            mapping("1000-2000 r-xp 00000000 fe:00 7 /usr/bin/hearthd", 0),
            mapping("2000-3000 r--p 00001000 fe:00 7 /usr/bin/hearthd", 4),
            mapping("3000-4000 rw-p 00002000 fe:00 7 /usr/bin/hearthd", 0),
            mapping("4000-5000 r--p 00000000 00:00 0 [vvar]", 0),
            mapping("5000-6000 r--p 00000000 00:00 0", 0),
            mapping("6000-8000 r--p 00000000 fe:00 8 /usr/lib/libc.so.6", 0),
        ];
        assert_eq!(clean(&smaps.concat()), [0x1000..0x2000, 0x6000..0x8000]);
    }

    #[test]
    fn a_process_goes_on_after_it_gave_back() {
        let text = "kept".repeat(1000);
        give_back();
        assert_eq!(text.matches("kept").count(), 1000);
    }
}
