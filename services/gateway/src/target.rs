//! Where a request is going: `/{service}/v{n}/tool/{tool}/…`, or in the registry `/v2/tool-{tool}/{image}/…`.

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
    let first = segments.next()?;
    let service = Role::serving(first).filter(|service| *service != Role::Gateway)?;
    let (version, kind) = (segments.next(), segments.next());
    let tool = match (version, kind) {
        // Behind another word than these the registry knows nothing of a tool's.
        (Some(space), _) if first == "v2" => return Some(Target { service, tool: in_space(space) }),
        (Some(version), Some("tool")) if version.starts_with('v') => segments.next(),
        _ => None,
    };
    Some(Target { service, tool: tool.map(|tool| name(&percent_decode_str(tool).decode_utf8_lossy())) })
}

/// The tool whose images are in a space of the registry.
fn in_space(space: &str) -> Option<String> {
    percent_decode_str(space).decode_utf8_lossy().strip_prefix("tool-").map(name)
}

/// A tool's name. Whatever could be none is one and the same to everybody.
fn name(text: &str) -> String {
    text.parse::<ToolName>().map(|name| name.to_string()).unwrap_or_default()
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
    fn in_the_registry_the_tool_is_in_the_first_part_of_the_name() {
        assert_eq!(tool("/v2/tool-hello/web/manifests/latest").as_deref(), Some("hello"));
        assert_eq!(tool("/v2/tool%2Dhello/web").as_deref(), Some("hello"));
        assert_eq!(tool("/v2/tool-/web").as_deref(), Some(""));
        assert_eq!(tool("/v2/hearth/tool/manifests/latest"), None);
        assert_eq!(tool("/v2/v1/tool/hello/manifests/latest"), None);
        assert_eq!(tool("/v2"), None);
    }

    #[test]
    fn what_no_service_serves_has_no_target() {
        for path in ["/", "/nothing/v1", "/gateway/v1/x", "", "/%74ools/v1/tools"] {
            assert_eq!(target(path), None, "{path}");
        }
    }
}
