//! Where a request is going: `/{service}/v{n}/tool/{tool}/…`.

use hearth_base::{Role, ToolName};
use percent_encoding::percent_decode_str;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The service that answers it.
    pub service: Role,
    /// The tool it is about, as the path has it: or nothing, when that could be no
    /// tool's name.
    pub tool: Option<String>,
}

/// What `path` names; `None` when no service serves it.
pub fn target(path: &str) -> Option<Target> {
    let mut segments = path.split('/').skip(1);
    let service = Role::serving(segments.next()?).filter(|service| *service != Role::Gateway)?;
    let (version, kind) = (segments.next(), segments.next());
    let tool = match (version, kind) {
        (Some(version), Some("tool")) if version.starts_with('v') => segments.next(),
        _ => None,
    };
    let tool = tool.map(|tool| {
        let name = percent_decode_str(tool).decode_utf8().ok()?.parse::<ToolName>().ok()?;
        Some(name.to_string())
    });
    // Whatever could be no tool's name is one and the same to everybody.
    let tool = tool.map(Option::unwrap_or_default);
    Some(Target { service, tool })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(path: &str) -> Option<String> {
        target(path).and_then(|target| target.tool)
    }

    #[test]
    fn the_tool_is_the_segment_behind_tool() {
        assert_eq!(tool("/tools/v1/tool/hello/members").as_deref(), Some("hello"));
        assert_eq!(tool("/tools/v1/tool/%68ello").as_deref(), Some("hello"));
        assert_eq!(tool("/tools/v1/tool/a%2Fb").as_deref(), Some(""));
        assert_eq!(tool("/tools/v1/tool/%FF/x").as_deref(), Some(""));
        assert_eq!(tool("/tools/v1/tools"), None);
        assert_eq!(tool("/tools/tool/tool/hello"), None);
        assert_eq!(tool("//tools/v1/tool/hello"), None);
    }

    #[test]
    fn what_no_service_serves_has_no_target() {
        for path in ["/", "/nothing/v1", "/gateway/v1/x", "", "/%74ools/v1/tools"] {
            assert_eq!(target(path), None, "{path}");
        }
    }
}
