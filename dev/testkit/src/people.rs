//! Callers, named by who they are.

use std::{fs, sync::Arc};

use hearth_base::{Error, Result, Scope, Scopes, Secret, UserName};
use hearth_client::{Bearer, Client};
use hearth_wire::accounts::{InvitationCreate, Join, SessionCreate, TokenCreate};

use crate::Hearth;

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their name.
    pub name: UserName,
    /// Calls that show a session of theirs.
    pub client: Client,
    /// That session.
    pub session: Secret,
}

const PASSWORD: &str = "a password for tests";

impl Hearth {
    /// The first operator, who comes in with the code that the first start made.
    pub async fn operator(&self) -> Result<Person> {
        let code = fs::read_to_string(self.state().join("setup-code")).map_err(Error::internal)?;
        self.join("operator", Secret::new(code)).await
    }

    /// Somebody whom an operator invites.
    pub async fn person(&self, operator: &Person, name: &str) -> Result<Person> {
        let invited = operator.client.accounts().invitation_create(&InvitationCreate::default()).await?;
        self.join(name, invited.code).await
    }

    /// Somebody who comes in with a code.
    pub async fn join(&self, name: &str, code: Secret) -> Result<Person> {
        let name: UserName = name.parse()?;
        let join = Join { code, name: name.clone(), password: Secret::new(PASSWORD) };
        self.nobody()?.accounts().join(&join).await?;
        self.sign_in(name).await
    }

    /// Signs somebody in who has an account.
    pub async fn sign_in(&self, name: UserName) -> Result<Person> {
        let create = SessionCreate { name: name.clone(), password: Secret::new(PASSWORD) };
        let session = self.nobody()?.accounts().session_create(&create).await?.secret;
        Ok(Person { name, client: self.showing(&session)?, session })
    }

    /// A client that shows `secret`.
    pub fn showing(&self, secret: &Secret) -> Result<Client> {
        Ok(self.nobody()?.showing(Arc::new(Bearer(secret.clone()))))
    }
}

impl Person {
    /// A token of theirs with these scopes, or with all.
    pub async fn token(&self, scopes: &[&str]) -> Result<Secret> {
        let parsed = scopes.iter().map(|scope| scope.parse()).collect::<Result<Vec<Scope>>>()?;
        let scopes = (!parsed.is_empty()).then(|| Scopes::of(parsed));
        let create = TokenCreate { label: "for a test".to_owned(), scopes, expires: None };
        Ok(self.client.accounts().token_create(&create).await?.secret)
    }
}
