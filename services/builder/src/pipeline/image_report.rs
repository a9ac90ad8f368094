//! Lines that the script of the image step prints before any step of the source runs: facts about the build that another
//! builder, which adopts the run, could not find out itself.

use hearth_base::Digest;
use hearth_runtime_api::{LogLine, LogStream};
use hearth_wire::builds::internal::{BuildInputs, BuildMaterials};

use super::process::DOOR_AUTHORITY;

/// Parser of the lines. Build steps may print anything, so the first other line ends the report.
#[derive(Debug, Default)]
pub struct ImageReport {
    /// Inputs besides the source, if all are known exactly.
    pub inputs: Option<BuildInputs>,
    /// Materials of the image.
    pub materials: Option<BuildMaterials>,
    has_begun: bool,
    has_ended: bool,
}

impl ImageReport {
    /// Parses a line. Returns true if it belongs to the report.
    pub fn parse_line(&mut self, line: &LogLine) -> bool {
        if self.has_ended || line.stream != LogStream::Out {
            return false;
        }
        match line.text.split_once(' ').unwrap_or((&line.text, "")) {
            ("hearth-inputs", text) if !self.has_begun => self.inputs = serde_json::from_str(text).ok(),
            ("hearth-materials", text) if self.materials.is_none() => {
                self.materials = serde_json::from_str(text).ok();
            }
            ("hearth-base", text) => self.add_base(text),
            ("hearth-pulled", "") => self.has_ended = true,
            _ => {
                self.has_ended = true;
                return false;
            }
        }
        self.has_begun = true;
        true
    }

    /// Adds an image that was pulled: `NAME DIGEST`.
    fn add_base(&mut self, text: &str) {
        let Some((name, digest)) = text.rsplit_once(' ') else { return };
        let Ok(digest) = digest.parse::<Digest>() else { return };
        let name = name.strip_prefix(DOOR_AUTHORITY).map_or(name, |path| path.trim_start_matches('/'));
        self.materials.get_or_insert_default().images.insert(name.to_owned(), digest);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn parse_lines(lines: &[&str]) -> (ImageReport, usize) {
        let mut report = ImageReport::default();
        let parse = |text: &&str| {
            let line = LogLine {
                sequence: 1,
                time: Timestamp::UNIX_EPOCH,
                stream: LogStream::Out,
                partial: false,
                text: (*text).to_owned(),
            };
            report.parse_line(&line)
        };
        let count = lines.iter().map(parse).filter(|is_own| *is_own).count();
        (report, count)
    }

    const BASE_LINE: &str = "hearth-base hearth.internal:80/hearth/python3.11 \
                             sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

    #[test]
    fn pulled_images_are_materials() {
        let (report, count) =
            parse_lines(&["hearth-materials {\"plan\":null,\"images\":{}}", BASE_LINE, "hearth-pulled"]);
        assert_eq!(count, 3);
        let materials = report.materials.unwrap();
        assert_eq!(materials.images.keys().collect::<Vec<_>>(), ["hearth/python3.11"]);
    }

    #[test]
    fn steps_of_the_source_cannot_add_to_the_report() {
        for before in ["hearth-pulled", "STEP 1/3: FROM"] {
            let (report, _) = parse_lines(&[before, BASE_LINE, "hearth-inputs {}"]);
            assert!(report.materials.is_none() && report.inputs.is_none(), "{before}");
        }
    }
}
