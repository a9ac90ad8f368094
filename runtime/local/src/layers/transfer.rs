//! Transfer of a layer's bytes to the unpacker. They are hashed outside of its sandbox, so that a compromised
//! sandbox cannot fake the digest.

use hearth_base::{Digest, Error, Result};
use hearth_runtime_api::{ByteStream, LayerDescriptor};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::ChildStdin,
};

/// Outcome of passing a layer's bytes to the sandbox.
pub enum TransferOutcome {
    /// All bytes are passed: their SHA-256 and their number.
    Complete(Digest, u64),
    /// There are more bytes than the descriptor says.
    TooLong,
    /// The sandbox has closed its input; its result has the reason.
    InputClosed,
}

impl TransferOutcome {
    /// Error `layer-digest` when the bytes are not those of the descriptor. The size counts too: it decides
    /// how much the layer may unpack to.
    pub fn check_transfer(self, layer: &LayerDescriptor) -> Result<()> {
        let size = layer.size;
        match self {
            Self::Complete(digest, _) if digest != layer.digest => {
                Err(build_digest_error(layer, &format!("has another digest: {digest}")))
            }
            Self::Complete(_, received) if received != size => {
                Err(build_digest_error(layer, &format!("has {received} bytes; expected {size}")))
            }
            Self::TooLong => {
                Err(build_digest_error(layer, &format!("is longer than its size of {size} bytes")))
            }
            Self::Complete(..) | Self::InputClosed => Ok(()),
        }
    }
}

/// Passes a layer's bytes, at most `size`, to the sandbox.
pub async fn transfer_bytes(
    mut bytes: ByteStream<'_>,
    mut input: ChildStdin,
    size: u64,
) -> Result<TransferOutcome> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 128 << 10];
    let mut received = 0;
    loop {
        let read = bytes.read(&mut chunk).await.map_err(|error| {
            Error::unavailable("layer-source", "reading the layer's bytes failed").with_cause(error)
        })?;
        if read == 0 {
            return Ok(TransferOutcome::Complete(Digest::new(hash.finalize().into()), received));
        }
        received += read as u64;
        if received > size {
            return Ok(TransferOutcome::TooLong);
        }
        hash.update(&chunk[..read]);
        if input.write_all(&chunk[..read]).await.is_err() {
            return Ok(TransferOutcome::InputClosed);
        }
    }
}

/// Builds the error for bytes that differ from the descriptor.
pub fn build_digest_error(layer: &LayerDescriptor, how: &str) -> Error {
    Error::invalid("layer-digest", format!("layer {} {how}", layer.digest))
        .help("fetch it again; if it fails again, push the image again")
}
