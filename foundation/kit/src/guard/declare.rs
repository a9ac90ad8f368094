//! Writes a right into the OpenAPI document, where readers and the test of all endpoints find it.

use serde_json::json;
use utoipa::openapi::{Paths, extensions::ExtensionsBuilder, path::PathItem, security::SecurityRequirement};

use hearth_base::Access;

use super::Needs;
use crate::{
    route::{declare_tool, operations},
    spec::refuses,
};

/// Every operation in `paths` gets the right's name, who has it, and the answers to those who have not.
pub fn declare(paths: &mut Paths, name: &str, needs: Needs) {
    for (path, item) in &mut paths.paths {
        declare_item(item, name, needs);
        let of_tool = matches!(needs, Needs::Tool(_) | Needs::ToolOperator);
        if of_tool && path.contains("{tool}") {
            declare_tool(item);
        }
    }
}

/// The same for the operations of one path.
pub fn declare_item(item: &mut PathItem, name: &str, needs: Needs) {
    for operation in operations(item) {
        let extensions =
            ExtensionsBuilder::new().add("x-right", json!(name)).add("x-needs", json!(words(needs))).build();
        operation.extensions.get_or_insert_default().merge(extensions);
        operation.security = Some(match needs {
            Needs::Nothing => Vec::new(),
            _ => ["bearer", "session"].map(|scheme| SecurityRequirement::new(scheme, [""; 0])).into(),
        });
        if needs != Needs::Nothing {
            refuses(operation, "401", "nobody is signed in, or the credential is not good any more");
            refuses(operation, "403", "the caller does not have the right");
        }
    }
}

/// Who has a right, in words that a program can read too.
fn words(needs: Needs) -> String {
    match needs {
        Needs::Nothing => "nothing".to_owned(),
        Needs::SignedIn => "signed-in".to_owned(),
        Needs::User => "user".to_owned(),
        Needs::Operator | Needs::ToolOperator => "operator".to_owned(),
        Needs::Tool(Access::Read) => "viewer".to_owned(),
        Needs::Tool(Access::Write) => "maintainer".to_owned(),
        Needs::Tool(Access::Own) => "owner".to_owned(),
        Needs::Services(roles) => {
            let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
            format!("services: {}", roles.join(" "))
        }
    }
}
