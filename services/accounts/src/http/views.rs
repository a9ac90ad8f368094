//! Conversions from stored values to API values. Each destructures its value, so that a new field cannot be
//! forgotten.

use hearth_wire::{accounts as wire, tools};

use crate::store::{Invitation, Member, StoredToken, User};

impl From<User> for wire::User {
    fn from(user: User) -> Self {
        let User { id, name, operator, disabled, created, .. } = user;
        Self { id, name, operator, disabled, created }
    }
}

impl From<StoredToken> for wire::Token {
    fn from(token: StoredToken) -> Self {
        let StoredToken {
            id,
            hash: _,
            maker: _,
            holder: _,
            label,
            scopes,
            created,
            last_used,
            expires,
            suspended_at,
        } = token;
        let suspended = suspended_at.is_some();
        Self { id, label, scopes, created, last_used, expires, owner: None, suspended }
    }
}

impl From<Invitation> for wire::Invitation {
    fn from(invitation: Invitation) -> Self {
        let Invitation { id, hash: _, operator, is_setup: _, maker: _, note, created, expires } = invitation;
        Self { id, operator, note, created, expires }
    }
}

impl From<Member> for tools::Member {
    fn from(member: Member) -> Self {
        let Member { user, role, since, is_offer } = member;
        Self { user, role, since, pending: is_offer }
    }
}
