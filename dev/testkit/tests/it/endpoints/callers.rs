//! One caller of every kind, with the permissions that the API document should grant.

use hearth_base::{Error, Result, ToolName, ToolRole};
use hearth_client::Client;
use hearth_testkit::{Hearth, Person, wait_until};
use hearth_wire::{accounts::TokenCreate, tools::ToolCreate};

/// A client with its expected permissions.
pub struct TestCaller {
    pub name: &'static str,
    pub client: Client,
    /// True if the gateway can authenticate the caller.
    pub authenticated: bool,
    /// The permission names of the API document that apply to the caller.
    rights: &'static [&'static str],
}

impl TestCaller {
    /// Returns true if the caller has a permission of this name.
    pub fn is_allowed(&self, permission: &str) -> bool {
        permission == "nothing" || self.rights.contains(&permission)
    }
}

/// The caller that uses a session in place of a token.
pub const CALLER_WITH_SESSION: &str = "a stranger with a session";

/// All callers, and the tool of which some are members.
pub struct TestCallers {
    pub callers: Vec<TestCaller>,
    pub tool: ToolName,
    pub members: Vec<(Person, ToolRole)>,
}

impl TestCallers {
    pub async fn create(hearth: &Hearth, operator: &Person) -> Result<Self> {
        let tool: ToolName = "stage".parse()?;
        let tools = operator.client.tools();
        for name in ["stage", "elsewhere"] {
            tools.create(&ToolCreate { name: name.parse()?, description: String::new() }).await?;
        }
        let mut people = Vec::new();
        for name in ["stranger", "viewer", "maintainer", "owner", "bystander"] {
            people.push(hearth.invite_person(operator, name).await?);
        }
        let [stranger, viewer, maintainer, owner, bystander] = &people[..] else { unreachable!() };
        let members = vec![
            (viewer.clone(), ToolRole::Viewer),
            (maintainer.clone(), ToolRole::Maintainer),
            (owner.clone(), ToolRole::Owner),
            (bystander.clone(), ToolRole::Viewer),
        ];
        for (person, role) in &members {
            operator.add_member(&tool, person, *role).await?;
        }

        const OPERATOR_RIGHTS: &[&str] = &["signed-in", "user", "viewer", "maintainer", "owner", "operator"];
        // Callers use tokens, except one with a session.
        let token = async |person: &Person, scopes: &[&str]| {
            hearth.client_with_token(&person.create_token(scopes).await?)
        };
        let unauthenticated = |name, client| TestCaller { name, client, authenticated: false, rights: &[] };
        let authenticated = |name, client, rights| TestCaller { name, client, authenticated: true, rights };
        let mut callers = vec![
            unauthenticated("nobody", hearth.anonymous()?),
            unauthenticated("a revoked token", client_with_revoked_token(hearth, owner).await?),
            unauthenticated("an expired token", client_with_expired_token(hearth, owner).await?),
            authenticated("a stranger", token(stranger, &[]).await?, &OPERATOR_RIGHTS[..2]),
            authenticated("a viewer", token(viewer, &[]).await?, &OPERATOR_RIGHTS[..3]),
            authenticated("a maintainer", token(maintainer, &[]).await?, &OPERATOR_RIGHTS[..4]),
            authenticated("an owner", token(owner, &[]).await?, &OPERATOR_RIGHTS[..5]),
            authenticated("an operator", token(operator, &[]).await?, OPERATOR_RIGHTS),
            authenticated(
                "an operator's token without that scope",
                token(operator, &["*:own"]).await?,
                &OPERATOR_RIGHTS[..5],
            ),
            authenticated(
                "an owner's reading token",
                token(owner, &["*:read"]).await?,
                &["signed-in", "viewer"],
            ),
            authenticated(
                "a token for another service",
                token(owner, &["gateway:own"]).await?,
                &["signed-in"],
            ),
        ];
        callers.push(authenticated(
            CALLER_WITH_SESSION,
            hearth.sign_in(stranger.name.clone()).await?.client,
            &["signed-in", "user", "session"],
        ));
        let label = TokenCreate { label: "bot".to_owned(), scopes: None, expires: None };
        let own = tools.create_token(&"elsewhere".parse()?, &label).await?;
        callers.push(authenticated(
            "another tool's token",
            hearth.client_with_token(&own.secret)?,
            &["signed-in"],
        ));
        let token = operator.client.components().create_deploy_token(&"elsewhere".parse()?).await?.token;
        let token = token.ok_or_else(|| Error::internal("the deploy token is not readable"))?;
        callers.push(unauthenticated("another tool's deploy token", hearth.client_with_token(&token)?));
        Ok(Self { callers, tool, members })
    }
}

async fn client_with_revoked_token(hearth: &Hearth, person: &Person) -> Result<Client> {
    let label = TokenCreate { label: "old".to_owned(), scopes: None, expires: None };
    let made = person.client.accounts().create_token(&label).await?;
    person.client.accounts().revoke_token(made.token.id).await?;
    wait_until_token_is_refused(hearth.client_with_token(&made.secret)?).await
}

async fn client_with_expired_token(hearth: &Hearth, person: &Person) -> Result<Client> {
    use hearth_base::Clock;
    let soon = hearth_base::SystemClock.now() + jiff::SignedDuration::from_millis(300);
    let create = TokenCreate { label: "short".to_owned(), scopes: None, expires: Some(soon) };
    let made = person.client.accounts().create_token(&create).await?;
    wait_until_token_is_refused(hearth.client_with_token(&made.secret)?).await
}

async fn wait_until_token_is_refused(client: Client) -> Result<Client> {
    wait_until("the token is refused", async || Ok(client.accounts().show_caller().await.err())).await?;
    Ok(client)
}
