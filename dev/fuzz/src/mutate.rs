//! Random mutation of seeds.

use fastrand::Rng;

/// Maximum size of an input in bytes.
const MAX_BYTES: usize = 64 << 10;
/// Bytes with a special meaning in one of the formats.
const ODD_BYTES: &[u8] = b"\0\n\r\t \"'\\#$%*+,-./:;=?@[]{}0129azAZ~\x1e\x7f\x80\xff";
/// Texts with a special meaning in one of the formats.
const ODD_TEXTS: [&[u8]; 24] = [
    b"..",
    b"../",
    b"//",
    b"--",
    b"${HOME}",
    b"$(id)",
    b"\r\n",
    b"\r\n\r\n",
    b"\xef\xbb\xbf",
    b"\xc3\x28",
    b"\xe2\x80\xa8",
    b"0000",
    b"ffff",
    b"0004",
    b"-1",
    b"18446744073709551615",
    b"9223372036854775807",
    b"4294967296",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x00\x00\x00\x00\x00\x00\x00\x00",
    b".wh.",
    b".wh..wh..opq",
    b"*/0",
    b"@yearly",
];

/// Makes a random input: one of the seeds with some changes, or random bytes.
pub fn mutate_seeds(seeds: &[Vec<u8>], chance: &mut Rng) -> Vec<u8> {
    let mut input = match chance.choice(seeds) {
        Some(seed) if chance.u8(..) > 4 => seed.clone(),
        _ => (0..chance.usize(..256)).map(|_| chance.u8(..)).collect(),
    };
    for _ in 0..1 << chance.u8(0..4) {
        change_once(&mut input, seeds, chance);
    }
    input.truncate(MAX_BYTES);
    input
}

fn change_once(input: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut Rng) {
    let at = chance.usize(..=input.len());
    let end = input.len().min(at + 1 + chance.usize(..32));
    match chance.u8(0..9) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << chance.u8(0..8);
            }
        }
        1 => {
            if let (Some(byte), Some(odd)) = (input.get_mut(at), chance.choice(ODD_BYTES)) {
                *byte = *odd;
            }
        }
        2 => input.insert(at, chance.u8(..)),
        3 => drop(input.drain(at..end)),
        4 => {
            let part = input[at..end].to_vec();
            let times = 1 + chance.usize(..8);
            drop(input.splice(at..at, part.repeat(times)));
        }
        5 => {
            let odd = chance.choice(ODD_TEXTS).unwrap_or_default();
            drop(input.splice(at..at, odd.iter().copied()));
        }
        6 => {
            let odd = chance.choice(ODD_TEXTS).unwrap_or_default();
            let end = input.len().min(at + odd.len());
            drop(input.splice(at..end, odd.iter().copied()));
        }
        7 => {
            // The beginning of this input, followed by the end of another seed.
            let other = chance.choice(seeds).map(Vec::as_slice).unwrap_or_default();
            input.truncate(at);
            input.extend_from_slice(&other[chance.usize(..=other.len())..]);
        }
        _ => input.truncate(at),
    }
}
