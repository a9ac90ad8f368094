//! Writes a right into the OpenAPI document, where readers and the test of all endpoints find it.

use serde_json::json;
use utoipa::openapi::{
    Content, Paths, Ref, ResponseBuilder,
    extensions::ExtensionsBuilder,
    path::{Operation, PathItem},
    security::SecurityRequirement,
};

use hearth_base::Access;

use super::Needs;

/// Every operation in `paths` gets the right's name, who has it, and the answers of those who have not.
pub fn declare(paths: &mut Paths, name: &str, needs: Needs) {
    for item in paths.paths.values_mut() {
        declare_item(item, name, needs);
    }
}

/// The same for the operations of one path.
pub fn declare_item(item: &mut PathItem, name: &str, needs: Needs) {
    for operation in operations(item) {
        let extensions =
            ExtensionsBuilder::new().add("x-right", json!(name)).add("x-needs", json!(words(needs))).build();
        operation.extensions = Some(extensions);
        operation.security = Some(match needs {
            Needs::Nothing => Vec::new(),
            _ => ["bearer", "session"].map(|scheme| SecurityRequirement::new(scheme, [""; 0])).into(),
        });
        if needs != Needs::Nothing {
            add(operation, "401", "nobody is signed in, or the credential is not good any more");
            add(operation, "403", "the caller does not have the right");
        }
        add(operation, "default", "refused: what happened, a code, what to do next");
    }
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let content = Content::new(Some(Ref::from_schema_name("Refusal")));
    let response =
        ResponseBuilder::new().description(description).content("application/json", content).build();
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, query, .. } = item;
    [get, put, post, delete, options, head, patch, trace, query].into_iter().flatten()
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
