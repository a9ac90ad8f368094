//! Creation and reading of a container's log spool. The waiter writes the lines; see
//! `hearth_runtime_waiter::LogSpool` for the format.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsFd,
        unix::fs::{FileExt, OpenOptionsExt},
    },
    path::Path,
};

use hearth_runtime_api::{InstanceId, LogLine, LogStream};
use hearth_runtime_waiter::{FRAME_HEADER_BYTES, PARTIAL_LINE_BIT};
use jiff::Timestamp;

pub use hearth_runtime_waiter::LogPosition;

/// Maximum frame size in bytes; a larger one means a damaged file.
const MAX_FRAME_BYTES: u32 = 1 << 20;

/// Creates an empty log spool of format version 1.
pub fn create_log_spool(path: &Path, instance: InstanceId) -> io::Result<File> {
    let log = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let about = format!("{{\"version\":1,\"instance\":\"{instance}\"}}");
    hearth_runtime_waiter::begin_log(log.as_fd(), about.as_bytes())?;
    Ok(log)
}

/// Reads up to `max_lines` lines from a position, and returns them with the position after them.
pub fn read_lines(
    path: &Path,
    from: LogPosition,
    max_lines: usize,
) -> io::Result<(Vec<LogLine>, LogPosition)> {
    let file = File::open(path)?;
    let mut position = from;
    let mut lines = Vec::new();
    while lines.len() < max_lines {
        let Some((frame, sequence, size)) = read_frame_at(&file, position.offset)? else { break };
        position = LogPosition { offset: position.offset + size, sequence: sequence + 1 };
        if sequence > 0 {
            lines.push(frame);
        }
    }
    Ok((lines, position))
}

/// Finds the position of the frame with this sequence by a scan from `from`; the end if there is none.
pub fn find_position(path: &Path, from: LogPosition, sequence: u64) -> io::Result<LogPosition> {
    let file = File::open(path)?;
    let mut position = from;
    while position.sequence < sequence {
        let Some((_, found, size)) = read_frame_at(&file, position.offset)? else { break };
        position = LogPosition { offset: position.offset + size, sequence: found + 1 };
    }
    Ok(position)
}

/// Reads the frame at `offset`: its line, sequence and size in bytes. `None` at the end and for an incomplete or
/// damaged frame.
fn read_frame_at(file: &File, offset: u64) -> io::Result<Option<(LogLine, u64, u64)>> {
    let mut head = [0; FRAME_HEADER_BYTES];
    // The waiter writes a frame with one call: an incomplete frame is still being written.
    if file.read_at(&mut head, offset)? < FRAME_HEADER_BYTES {
        return Ok(None);
    }
    let word = |range: std::ops::Range<usize>| {
        head[range].iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte))
    };
    let size = word(0..4);
    if size < (FRAME_HEADER_BYTES - 4) as u64 || size > u64::from(MAX_FRAME_BYTES) {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0) - (FRAME_HEADER_BYTES - 4)];
    if file.read_at(&mut bytes, offset + FRAME_HEADER_BYTES as u64)? < bytes.len() {
        return Ok(None);
    }
    let stream = match head[20] & !PARTIAL_LINE_BIT {
        1 => LogStream::Out,
        2 => LogStream::Err,
        _ => LogStream::Note,
    };
    let sequence = word(4..12);
    if sequence == u64::MAX {
        // No log reaches this sequence: the file is damaged, and the next sequence would overflow.
        return Ok(None);
    }
    let time = Timestamp::from_microsecond(word(12..20).cast_signed()).unwrap_or(Timestamp::UNIX_EPOCH);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = LogLine { sequence, time, stream, partial: head[20] & PARTIAL_LINE_BIT != 0, text };
    Ok(Some((line, sequence, size + 4)))
}

/// Records that all lines before a position have been read, so that the waiter may free their disk space.
pub fn record_consumed_position(path: &Path, position: LogPosition) -> io::Result<()> {
    let temporary = path.with_extension("took");
    fs::write(&temporary, position.to_string())?;
    fs::rename(temporary, path.with_extension("taken"))
}

/// Reads the recorded position before which all lines have been read.
pub fn read_consumed_position(path: &Path) -> LogPosition {
    LogPosition::parse_or_start(&fs::read_to_string(path.with_extension("taken")).unwrap_or_default())
}

/// Returns true when the disk space before the recorded position has been freed by a hole.
pub fn is_consumed_part_freed(path: &Path) -> bool {
    File::open(path).and_then(|file| read_frame_at(&file, 0)).is_ok_and(|frame| frame.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::{Clock, Entropy, Error, Result, SystemClock};
    use hearth_runtime_api::RunId;
    use hearth_runtime_waiter::{LineSource, LogSpool};

    const START_POSITION: LogPosition = LogPosition { offset: 0, sequence: 0 };

    #[test]
    fn frame_with_the_maximum_sequence_is_invalid() -> Result<()> {
        let temporary = tempfile::tempdir().map_err(Error::internal)?;
        let path = temporary.path().join("log");
        let frame = |sequence: u64| {
            let head =
                [&18u32.to_le_bytes()[..], &sequence.to_le_bytes(), &0i64.to_le_bytes(), &[1]].concat();
            [head, b"x".to_vec()].concat()
        };
        fs::write(&path, [frame(1), frame(u64::MAX), frame(2)].concat()).map_err(Error::internal)?;
        let (lines, end) = read_lines(&path, START_POSITION, 100).map_err(Error::internal)?;
        assert_eq!((lines.len(), end.sequence), (1, 2));
        assert_eq!(find_position(&path, START_POSITION, u64::MAX).map_err(Error::internal)?, end);
        Ok(())
    }

    #[test]
    fn spooled_lines_are_read_from_any_position() -> Result<()> {
        let temporary = tempfile::tempdir().map_err(Error::internal)?;
        let path = temporary.path().join("log");
        let run = RunId::new(SystemClock.now(), &Entropy::System);
        let log = create_log_spool(&path, InstanceId::from_run(run)).map_err(Error::internal)?;
        let folder = File::open(temporary.path()).map_err(Error::internal)?;
        let mut spool = LogSpool::new(log.as_fd(), folder.as_fd(), 1 << 20).map_err(Error::internal)?;
        spool.append_line(LineSource::Out, false, b"one");
        spool.append_line(LineSource::Err, true, b"t");
        spool.append_line(LineSource::Err, false, b"w\xffo");
        let (lines, end) = read_lines(&path, START_POSITION, 100).map_err(Error::internal)?;
        let seen: Vec<_> =
            lines.iter().map(|line| (line.sequence, line.stream, line.partial, line.text.as_str())).collect();
        let expected = [
            (1, LogStream::Out, false, "one"),
            (2, LogStream::Err, true, "t"),
            (3, LogStream::Err, false, "w\u{fffd}o"),
        ];
        assert_eq!((seen.as_slice(), end.sequence), (&expected[..], 4));
        let third = find_position(&path, START_POSITION, 3).map_err(Error::internal)?;
        record_consumed_position(&path, third).map_err(Error::internal)?;
        assert_eq!((third.sequence, read_consumed_position(&path)), (3, third));
        let (last, _) = read_lines(&path, third, 100).map_err(Error::internal)?;
        assert_eq!(last, lines[2..]);
        Ok(())
    }
}
