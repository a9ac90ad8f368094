//! Reader of newline-delimited JSON streams.

use hearth_base::{Error, Result};
use hearth_client::Body;
use http::Response;
use http_body_util::BodyExt;

/// Reads the lines of a response body as they arrive.
#[derive(Debug)]
pub struct LineReader {
    body: Body,
    buffer: Vec<u8>,
    is_ended: bool,
}

impl LineReader {
    /// The maximum length of a line: longer than any line that Hearth sends.
    const MAX_LINE_BYTES: usize = 4 << 20;

    /// Creates a reader of the body of `response`.
    pub fn from_response(response: Response<Body>) -> Self {
        Self { body: response.into_body(), buffer: Vec::new(), is_ended: false }
    }

    /// Returns the next line without its line end, or `None` after the last.
    pub async fn next(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=at).collect();
                return Ok(Some(decode_line(&line)));
            }
            if self.is_ended {
                let rest = std::mem::take(&mut self.buffer);
                return Ok((!rest.is_empty()).then(|| decode_line(&rest)));
            }
            match self.body.frame().await {
                None => self.is_ended = true,
                Some(Err(cause)) => {
                    return Err(Error::unavailable(
                        "response-incomplete",
                        "the server's response is incomplete",
                    )
                    .with_cause(cause));
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.buffer.extend_from_slice(&data);
                }
            }
            if self.buffer.len() > Self::MAX_LINE_BYTES {
                return Err(Error::unavailable(
                    "response-too-large",
                    "a line of the server's response is longer than 4 MiB",
                ));
            }
        }
    }
}

fn decode_line(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn lines_are_read_whole_and_the_last_needs_no_line_end() -> Result<()> {
        let body = hearth_client::box_body(Full::new("one\ntwo\r\n\nlast".into()));
        let mut lines = LineReader::from_response(Response::new(body));
        let mut read = Vec::new();
        while let Some(line) = lines.next().await? {
            read.push(line);
        }
        assert_eq!(read, ["one", "two", "", "last"]);
        Ok(())
    }
}
