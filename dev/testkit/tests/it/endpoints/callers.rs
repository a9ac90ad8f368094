//! Every kind of caller.

use hearth_base::{Result, ToolName, ToolRole, UserName};
use hearth_client::Client;
use hearth_testkit::{Hearth, Person, until};
use hearth_wire::{
    accounts::TokenCreate,
    tools::{MemberPut, ToolCreate},
};

/// Somebody who calls.
pub struct Caller {
    pub name: &'static str,
    pub client: Client,
    /// Whether the door finds out who it is.
    pub known: bool,
    /// What the document's words for who has a right mean for them.
    rights: &'static [&'static str],
}

impl Caller {
    /// Whether they have the right that needs this.
    pub fn may(&self, needs: &str) -> bool {
        needs == "nothing" || self.rights.contains(&needs)
    }
}

/// Everybody, and the tool that some of them belong to.
pub struct Cast {
    pub callers: Vec<Caller>,
    pub tool: ToolName,
    pub members: Vec<(UserName, ToolRole)>,
}

impl Cast {
    pub async fn gather(hearth: &Hearth, operator: &Person) -> Result<Self> {
        let tool: ToolName = "stage".parse()?;
        let tools = operator.client.tools();
        for name in ["stage", "elsewhere"] {
            tools.create(&ToolCreate { name: name.parse()?, description: String::new() }).await?;
        }
        let mut people = Vec::new();
        for name in ["stranger", "viewer", "maintainer", "owner", "bystander"] {
            people.push(hearth.person(operator, name).await?);
        }
        let [stranger, viewer, maintainer, owner, bystander] = &people[..] else { unreachable!() };
        let members = vec![
            (viewer.name.clone(), ToolRole::Viewer),
            (maintainer.name.clone(), ToolRole::Maintainer),
            (owner.name.clone(), ToolRole::Owner),
            (bystander.name.clone(), ToolRole::Viewer),
        ];
        for (user, role) in &members {
            tools.member_put(&tool, user, &MemberPut { role: *role }).await?;
        }

        const OPERATOR: &[&str] = &["signed-in", "user", "viewer", "maintainer", "owner", "operator"];
        // Tokens and not sessions: one of the endpoints ends the session that is shown.
        let token = async |person: &Person, scopes: &[&str]| hearth.showing(&person.token(scopes).await?);
        let unknown = |name, client| Caller { name, client, known: false, rights: &[] };
        let known = |name, client, rights| Caller { name, client, known: true, rights };
        let mut callers = vec![
            unknown("nobody", hearth.nobody()?),
            unknown("a revoked token", revoked(hearth, owner).await?),
            unknown("an expired token", expired(hearth, owner).await?),
            known("a stranger", token(stranger, &[]).await?, &OPERATOR[..2]),
            known("a viewer", token(viewer, &[]).await?, &OPERATOR[..3]),
            known("a maintainer", token(maintainer, &[]).await?, &OPERATOR[..4]),
            known("an owner", token(owner, &[]).await?, &OPERATOR[..5]),
            known("an operator", token(operator, &[]).await?, OPERATOR),
            known(
                "an operator's token without that scope",
                token(operator, &["*:own"]).await?,
                &OPERATOR[..5],
            ),
            known("an owner's reading token", token(owner, &["*:read"]).await?, &["signed-in", "viewer"]),
            known("a token for another service", token(owner, &["gateway:own"]).await?, &["signed-in"]),
        ];
        let label = TokenCreate { label: "bot".to_owned(), scopes: None, expires: None };
        let own = tools.token_create(&"elsewhere".parse()?, &label).await?;
        callers.push(known("another tool's token", hearth.showing(&own.secret)?, &["signed-in"]));
        Ok(Self { callers, tool, members })
    }
}

async fn revoked(hearth: &Hearth, person: &Person) -> Result<Client> {
    let label = TokenCreate { label: "old".to_owned(), scopes: None, expires: None };
    let made = person.client.accounts().token_create(&label).await?;
    person.client.accounts().token_revoke(made.token.id).await?;
    refused(hearth.showing(&made.secret)?).await
}

async fn expired(hearth: &Hearth, person: &Person) -> Result<Client> {
    use hearth_base::Clock;
    let soon = hearth_base::SystemClock.now() + jiff::SignedDuration::from_millis(300);
    let create = TokenCreate { label: "short".to_owned(), scopes: None, expires: Some(soon) };
    let made = person.client.accounts().token_create(&create).await?;
    refused(hearth.showing(&made.secret)?).await
}

async fn refused(client: Client) -> Result<Client> {
    until("the token is refused", async || Ok(client.accounts().me().await.err())).await?;
    Ok(client)
}
