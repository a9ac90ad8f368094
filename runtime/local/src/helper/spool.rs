//! A container's log on the disk, as it is begun and read. The waiter writes the lines into it: see
//! `hearth_runtime_waiter::Spool` for the form.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsFd,
        unix::fs::{FileExt, OpenOptionsExt},
    },
    path::Path,
};

use hearth_runtime_api::{InstanceId, LogLine, Stream};
use hearth_runtime_waiter::{HEAD, PARTIAL};
use jiff::Timestamp;

pub use hearth_runtime_waiter::Place;

/// A frame that claims more is none.
const MOST: u32 = 1 << 20;

/// Begins a log, version 1.
pub fn create(path: &Path, instance: InstanceId) -> io::Result<File> {
    let log = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let about = format!("{{\"version\":1,\"instance\":\"{instance}\"}}");
    hearth_runtime_waiter::begin(log.as_fd(), about.as_bytes())?;
    Ok(log)
}

/// Reads up to `most` lines from a place on, and gives the place behind them.
pub fn read(path: &Path, from: Place, most: usize) -> io::Result<(Vec<LogLine>, Place)> {
    let file = File::open(path)?;
    let mut place = from;
    let mut lines = Vec::new();
    while lines.len() < most {
        let Some((frame, sequence, size)) = frame_at(&file, place.offset)? else { break };
        place = Place { offset: place.offset + size, sequence: sequence + 1 };
        if sequence > 0 {
            lines.push(frame);
        }
    }
    Ok((lines, place))
}

/// Walks on from a place to the frame with this sequence, or to the end.
pub fn walk(path: &Path, from: Place, sequence: u64) -> io::Result<Place> {
    let file = File::open(path)?;
    let mut place = from;
    while place.sequence < sequence {
        let Some((_, found, size)) = frame_at(&file, place.offset)? else { break };
        place = Place { offset: place.offset + size, sequence: found + 1 };
    }
    Ok(place)
}

fn frame_at(file: &File, offset: u64) -> io::Result<Option<(LogLine, u64, u64)>> {
    let mut head = [0; HEAD];
    // A frame is written in one piece; one that is cut short is being written.
    if file.read_at(&mut head, offset)? < HEAD {
        return Ok(None);
    }
    let word = |range: std::ops::Range<usize>| {
        head[range].iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte))
    };
    let size = word(0..4);
    if size < (HEAD - 4) as u64 || size > u64::from(MOST) {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0) - (HEAD - 4)];
    if file.read_at(&mut bytes, offset + HEAD as u64)? < bytes.len() {
        return Ok(None);
    }
    let stream = match head[20] & !PARTIAL {
        1 => Stream::Out,
        2 => Stream::Err,
        _ => Stream::Note,
    };
    let sequence = word(4..12);
    if sequence == u64::MAX {
        // No log gets so far: the file is damaged, and there is no number for what would follow.
        return Ok(None);
    }
    let time = Timestamp::from_microsecond(word(12..20).cast_signed()).unwrap_or(Timestamp::UNIX_EPOCH);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = LogLine { sequence, time, stream, partial: head[20] & PARTIAL != 0, text };
    Ok(Some((line, sequence, size + 4)))
}

/// Notes that everything before a place has been taken.
pub fn take(path: &Path, place: Place) -> io::Result<()> {
    let temporary = path.with_extension("took");
    fs::write(&temporary, place.to_string())?;
    fs::rename(temporary, path.with_extension("taken"))
}

/// The place before which everything has been taken.
pub fn taken(path: &Path) -> Place {
    Place::read(&fs::read_to_string(path.with_extension("taken")).unwrap_or_default())
}

/// Whether the disk has got back what was taken.
pub fn punched(path: &Path) -> bool {
    File::open(path).and_then(|file| frame_at(&file, 0)).is_ok_and(|frame| frame.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::{Clock, Entropy, Error, Result, SystemClock};
    use hearth_runtime_api::RunId;
    use hearth_runtime_waiter::{Kind, Spool};

    const START: Place = Place { offset: 0, sequence: 0 };

    #[test]
    fn frame_with_the_last_of_all_sequences_is_none() -> Result<()> {
        let place = tempfile::tempdir().map_err(Error::internal)?;
        let path = place.path().join("log");
        let frame = |sequence: u64| {
            let head =
                [&18u32.to_le_bytes()[..], &sequence.to_le_bytes(), &0i64.to_le_bytes(), &[1]].concat();
            [head, b"x".to_vec()].concat()
        };
        fs::write(&path, [frame(1), frame(u64::MAX), frame(2)].concat()).map_err(Error::internal)?;
        let (lines, end) = read(&path, START, 100).map_err(Error::internal)?;
        assert_eq!((lines.len(), end.sequence), (1, 2));
        assert_eq!(walk(&path, START, u64::MAX).map_err(Error::internal)?, end);
        Ok(())
    }

    #[test]
    fn what_the_waiter_keeps_is_read_back_from_any_place() -> Result<()> {
        let place = tempfile::tempdir().map_err(Error::internal)?;
        let path = place.path().join("log");
        let run = RunId::new(SystemClock.now(), &Entropy::System);
        let log = create(&path, InstanceId::of_run(run)).map_err(Error::internal)?;
        let folder = File::open(place.path()).map_err(Error::internal)?;
        let mut spool = Spool::new(log.as_fd(), folder.as_fd(), 1 << 20).map_err(Error::internal)?;
        spool.line(Kind::Out, false, b"one");
        spool.line(Kind::Err, true, b"t");
        spool.line(Kind::Err, false, b"w\xffo");
        let (lines, end) = read(&path, START, 100).map_err(Error::internal)?;
        let seen: Vec<_> =
            lines.iter().map(|line| (line.sequence, line.stream, line.partial, line.text.as_str())).collect();
        let wanted = [
            (1, Stream::Out, false, "one"),
            (2, Stream::Err, true, "t"),
            (3, Stream::Err, false, "w\u{fffd}o"),
        ];
        assert_eq!((seen.as_slice(), end.sequence), (&wanted[..], 4));
        let third = walk(&path, START, 3).map_err(Error::internal)?;
        take(&path, third).map_err(Error::internal)?;
        assert_eq!((third.sequence, taken(&path)), (3, third));
        let (last, _) = read(&path, third, 100).map_err(Error::internal)?;
        assert_eq!(last, lines[2..]);
        Ok(())
    }
}
