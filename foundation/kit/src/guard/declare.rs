//! Declaration of rights in the OpenAPI document, for readers and for the test of all endpoints.

use serde_json::json;
use utoipa::openapi::{Paths, extensions::ExtensionsBuilder, path::PathItem, security::SecurityRequirement};

use hearth_base::Access;

use super::Requirement;
use crate::{
    route::{declare_tool, list_operations},
    spec::add_refusal_response,
};

/// Adds a right's name, its requirement and its error responses to every operation in `paths`.
pub fn declare_right(paths: &mut Paths, name: &str, requirement: Requirement) {
    for (path, item) in &mut paths.paths {
        declare_path_right(item, name, requirement);
        let of_tool =
            matches!(requirement, Requirement::Tool(_) | Requirement::Deploy | Requirement::ToolOperator);
        if of_tool && path.contains("{tool}") {
            declare_tool(item);
        }
    }
}

/// The same for the operations of one path.
pub fn declare_path_right(item: &mut PathItem, name: &str, requirement: Requirement) {
    for operation in list_operations(item) {
        let extensions = ExtensionsBuilder::new()
            .add("x-right", json!(name))
            .add("x-needs", json!(render_requirement(requirement)))
            .build();
        operation.extensions.get_or_insert_default().merge(extensions);
        let schemes: &[&str] = match requirement {
            Requirement::Anyone => &[],
            Requirement::Deploy => &["bearer", "session", "deploy-token"],
            _ => &["bearer", "session"],
        };
        let build_scheme = |scheme: &&str| SecurityRequirement::new(*scheme, [""; 0]);
        operation.security = Some(schemes.iter().map(build_scheme).collect());
        if requirement != Requirement::Anyone {
            add_refusal_response(operation, "401", "no credential, or an invalid or expired one");
            add_refusal_response(operation, "403", "the caller does not have the right");
        }
    }
}

/// Renders a requirement as the value of `x-needs`, which programs read.
fn render_requirement(requirement: Requirement) -> String {
    match requirement {
        Requirement::Anyone => "nothing".to_owned(),
        Requirement::SignedIn => "signed-in".to_owned(),
        Requirement::User => "user".to_owned(),
        Requirement::Session => "session".to_owned(),
        Requirement::Operator | Requirement::ToolOperator => "operator".to_owned(),
        Requirement::Tool(Access::Read) => "viewer".to_owned(),
        Requirement::Tool(Access::Write) | Requirement::Deploy => "maintainer".to_owned(),
        Requirement::Tool(Access::Own) => "owner".to_owned(),
        Requirement::Services(roles) => {
            let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
            format!("services: {}", roles.join(" "))
        }
        Requirement::Reporters(roles) => {
            let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
            format!("services: {}, or the credential of the build", roles.join(" "))
        }
    }
}
