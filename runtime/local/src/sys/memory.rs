//! Memory that a process has and does not need.
#![expect(unsafe_code, reason = "malloc's settings and madvise have no safe form in the kept crates")]

use std::{fs, io, ops::Range, sync::OnceLock};

use rustix::mm::Advice;

/// The files that were mapped when the process began: the program, and the libraries that it is linked with. They
/// stay where they are until it ends.
static MAPPED: OnceLock<Vec<Range<usize>>> = OnceLock::new();

/// Keeps malloc to few arenas: each thread that allocates gets one of its own otherwise, up to eight for each
/// processor, and keeps what it has freed. Notes what [`give_back`] may take. For the first lines of `main`, before
/// there is another thread.
pub fn be_thrifty() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number; no thread allocates meanwhile.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
    let mapped = fs::read_to_string("/proc/self/smaps").map_or_else(|_| Vec::new(), |smaps| clean(&smaps));
    let _noted_once = MAPPED.set(mapped);
}

/// Gives back to the host what this process does not need at the moment: what malloc keeps for later, and the parts
/// of the program on the disk that only a start needs. What is needed again comes back by itself.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    if let Err(error) = forget_program() {
        tracing::debug!(%error, "memory is not given back");
    }
}

fn forget_program() -> io::Result<()> {
    let Some(mapped) = MAPPED.get() else { return Ok(()) };
    let now = clean(&fs::read_to_string("/proc/self/smaps")?);
    for range in mapped.iter().filter(|range| now.contains(range)) {
        let start = std::ptr::with_exposed_provenance_mut(range.start);
        // SAFETY: these pages of files have been mapped since the process had one thread, and are for its whole life;
        // nobody can write to them, and nobody has: the kernel reads the same bytes again when they are touched.
        unsafe { rustix::mm::madvise(start, range.len(), Advice::LinuxDontNeed) }?;
    }
    Ok(())
}

/// The mappings of files that are not writable and of which no page is a copy (`proc_pid_smaps(5)`): the loader writes
/// into some before it closes them, and what it wrote would be lost.
fn clean(smaps: &str) -> Vec<Range<usize>> {
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
                last = read(range).filter(|_| of_a_file && powers.starts_with('r') && !powers.contains('w'));
            }
            _ => {}
        }
    }
    found.extend(last);
    found
}

fn read(range: &str) -> Option<Range<usize>> {
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_are_as_on_the_disk_are_forgotten() {
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
        assert_eq!(clean(&smaps.concat()), [0x1000..0x2000, 0x6000..0x8000]);
    }

    #[test]
    fn a_program_goes_on_after_it_gave_back() {
        be_thrifty();
        assert!(MAPPED.get().is_some_and(|mapped| !mapped.is_empty()));
        // With a child beside it, copies of pages are counted as shared.
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        give_back();
        let many: Vec<String> = (0..1000).map(|number| format!("{number:?}")).collect();
        assert_eq!(many.join(",").len(), 3889);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
