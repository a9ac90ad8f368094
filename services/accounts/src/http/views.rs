//! What is kept, as the API shows it. Each destructures, so that a new field is dealt with.

use hearth_wire::{accounts as wire, tools};

use crate::store::{Invitation, Member, Token, User};

impl From<User> for wire::User {
    fn from(user: User) -> Self {
        let User { id, name, password_hash: _, operator, disabled, created, email: _ } = user;
        Self { id, name, operator, disabled, created }
    }
}

impl From<Token> for wire::Token {
    fn from(token: Token) -> Self {
        let Token { id, hash: _, maker: _, holder: _, label, scopes, created, used, expires } = token;
        Self { id, label, scopes, created, last_used: used, expires }
    }
}

impl From<Invitation> for wire::Invitation {
    fn from(invitation: Invitation) -> Self {
        let Invitation { id, hash: _, operator, first: _, maker: _, note, created, expires } = invitation;
        Self { id, operator, note, created, expires }
    }
}

impl From<Member> for tools::Member {
    fn from(member: Member) -> Self {
        let Member { user, role, since } = member;
        Self { user, role, since }
    }
}
