//! Users of a Hearth under test, with their clients.

use std::{fs, sync::Arc};

use hearth_base::{Error, Result, Scope, Scopes, Secret, ToolName, ToolRole, UserName};
use hearth_client::{Bearer, Client};
use hearth_wire::{
    accounts::{InvitationCreate, SessionCreate, TokenCreate, UserRegistration},
    tools::{MemberPut, ToolCreate},
};

use crate::Hearth;

/// A user with a session.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user name.
    pub name: UserName,
    /// A client with the credential of the session.
    pub client: Client,
    /// The secret of the session.
    pub session: Secret,
}

/// The password of every person of the test kit.
pub const TEST_PASSWORD: &str = "a password for tests";

impl Hearth {
    /// Registers the first operator with the setup code of the first start.
    pub async fn operator(&self) -> Result<Person> {
        let code = fs::read_to_string(self.state_folder().join("setup-code")).map_err(Error::internal)?;
        self.register_person("operator", Secret::new(code)).await
    }

    /// Invites and registers a user.
    pub async fn invite_person(&self, operator: &Person, name: &str) -> Result<Person> {
        let invited = operator.client.accounts().create_invitation(&InvitationCreate::default()).await?;
        self.register_person(name, invited.code).await
    }

    /// Registers a user with a setup or invitation code.
    pub async fn register_person(&self, name: &str, code: Secret) -> Result<Person> {
        let name: UserName = name.parse()?;
        let join = UserRegistration { code, name: name.clone(), password: Secret::new(TEST_PASSWORD) };
        self.anonymous()?.accounts().join_with_code(&join).await?;
        self.sign_in(name).await
    }

    /// Creates a new session for a registered user.
    pub async fn sign_in(&self, name: UserName) -> Result<Person> {
        let create = SessionCreate { name: name.clone(), password: Secret::new(TEST_PASSWORD), device: None };
        let session = self.anonymous()?.accounts().create_session(&create).await?.secret;
        Ok(Person { name, client: self.client_with_token(&session)?, session })
    }

    /// A client with the credential `secret`.
    pub fn client_with_token(&self, secret: &Secret) -> Result<Client> {
        Ok(self.anonymous()?.with_authority(Arc::new(Bearer(secret.clone()))))
    }
}

impl Person {
    /// Creates a tool without a description.
    pub async fn create_tool(&self, name: &str) -> Result<ToolName> {
        let create = ToolCreate { name: name.parse()?, description: String::new() };
        Ok(self.client.tools().create(&create).await?.name)
    }

    /// Gives another person a role on a tool. A person who is not a member yet accepts the offer.
    pub async fn add_member(&self, tool: &ToolName, person: &Person, role: ToolRole) -> Result<()> {
        let member = self.client.tools().set_member(tool, &person.name, &MemberPut { role }).await?;
        if member.pending {
            person.client.accounts().accept_membership(tool).await?;
        }
        Ok(())
    }

    /// Creates a token with these scopes, or with all scopes if none are given.
    pub async fn create_token(&self, scopes: &[&str]) -> Result<Secret> {
        let parsed = scopes.iter().map(|scope| scope.parse()).collect::<Result<Vec<Scope>>>()?;
        let scopes = (!parsed.is_empty()).then(|| Scopes::from_scopes(parsed));
        let create = TokenCreate { label: "for a test".to_owned(), scopes, expires: None };
        Ok(self.client.accounts().create_token(&create).await?.secret)
    }
}
