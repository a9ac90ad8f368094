//! Where mail to people goes: theirs to say, and nobody else's to read.

use hearth_base::{Kind, Result};
use hearth_testkit::{Hearth, answer_to, in_every_shape};
use hearth_wire::{
    accounts::{Email, TokenCreate},
    reply::Paging,
    tools::ToolCreate,
};
use http::{Method, StatusCode};
use serde_json::json;

async fn an_address_is_ones_own_to_say_and_read(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ada = hearth.person(&operator, "ada").await?;
    assert_eq!(ada.client.accounts().email().await?, Email::default());
    let email = Email { address: Some("ada@example.org".parse()?) };
    for _ in 0..2 {
        assert_eq!(ada.client.accounts().email_put(&email).await?, email);
    }
    assert_eq!(ada.client.accounts().email().await?, email);
    assert_eq!(operator.client.accounts().email().await?, Email::default());
    // Neither the list of people nor the audit log repeats it.
    for path in ["/accounts/v1/users", "/accounts/v1/audit"] {
        let (status, answer) = answer_to(&operator.client, Method::GET, path, None).await?;
        assert_eq!(status, StatusCode::OK);
        assert!(answer.to_string().contains("ada") && !answer.to_string().contains("ada@"), "{answer}");
    }
    for wrong in ["ada", "ada@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", ""] {
        let body = json!({ "address": wrong });
        let (status, _) = answer_to(&ada.client, Method::PUT, "/accounts/v1/me/email", Some(&body)).await?;
        assert!(matches!(status.as_u16(), 400 | 422), "{wrong:?}: {status}");
    }
    // Nor does a credential that is good for less than the person.
    let narrow = hearth.showing(&ada.token(&["*:read"]).await?)?;
    assert_eq!(narrow.accounts().email().await.unwrap_err().kind(), Kind::Forbidden);
    let tool = "hers".parse()?;
    ada.client.tools().create(&ToolCreate { name: "hers".parse()?, description: String::new() }).await?;
    let label = TokenCreate { label: "bot".to_owned(), scopes: None, expires: None };
    let bot = hearth.showing(&ada.client.tools().token_create(&tool, &label).await?.secret)?;
    assert_eq!(bot.accounts().email().await.unwrap_err().kind(), Kind::Forbidden);
    let id = ada.client.tools().show(&tool).await?.id;
    let refused = operator.client.internal().recipients(id, &Paging::default()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    // A maintainer sees that there is one, by name.
    let told = ada.client.notify().mail(&tool).await?;
    assert_eq!((told.recipients.as_slice(), told.sends), (&["ada".parse()?][..], false));
    assert_eq!(ada.client.accounts().email_put(&Email::default()).await?, Email::default());
    assert!(ada.client.notify().mail(&tool).await?.recipients.is_empty());
    hearth.stop().await
}

in_every_shape!(an_address_is_ones_own_to_say_and_read);
