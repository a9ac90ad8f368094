//! Lines that a server sends one after the other, each as soon as there is one.

use hearth_base::{Error, Result};
use hearth_client::Body;
use http::Response;
use http_body_util::BodyExt;

/// The lines of a body, as they come.
#[derive(Debug)]
pub struct Lines {
    body: Body,
    held: Vec<u8>,
    over: bool,
}

impl Lines {
    /// The longest line that is put together: longer than any of Hearth's.
    const LONGEST: usize = 4 << 20;

    /// The lines of an answer.
    pub fn of(response: Response<Body>) -> Self {
        Self { body: response.into_body(), held: Vec::new(), over: false }
    }

    /// The next line, without its end; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(at) = self.held.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.held.drain(..=at).collect();
                return Ok(Some(text(&line)));
            }
            if self.over {
                let rest = std::mem::take(&mut self.held);
                return Ok((!rest.is_empty()).then(|| text(&rest)));
            }
            match self.body.frame().await {
                None => self.over = true,
                Some(Err(cause)) => {
                    return Err(Error::unavailable("answer-broken", "the answer broke off").because(cause));
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.held.extend_from_slice(&data);
                }
            }
            if self.held.len() > Self::LONGEST {
                return Err(Error::unavailable("answer-too-large", "a line is longer than any of Hearth's"));
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn lines_come_whole_and_the_last_needs_no_end() -> Result<()> {
        let body = hearth_client::body(Full::new("one\ntwo\r\n\nlast".into()));
        let mut lines = Lines::of(Response::new(body));
        let mut read = Vec::new();
        while let Some(line) = lines.next().await? {
            read.push(line);
        }
        assert_eq!(read, ["one", "two", "", "last"]);
        Ok(())
    }
}
