//! Mail addresses of users, which only the users themselves set and read.

use hearth_base::{ErrorKind, Result};
use hearth_testkit::{Hearth, in_every_shape, send_json_request};
use hearth_wire::{
    accounts::{MailAddress, TokenCreate},
    reply::Paging,
    tools::ToolCreate,
};
use http::{Method, StatusCode};
use serde_json::json;

async fn mail_address_is_visible_to_its_owner_only(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ada = hearth.invite_person(&operator, "ada").await?;
    assert_eq!(ada.client.accounts().show_email().await?, MailAddress::default());
    let email = MailAddress { address: Some("ada@example.org".parse()?) };
    for _ in 0..2 {
        assert_eq!(ada.client.accounts().update_email(&email).await?, email);
    }
    assert_eq!(ada.client.accounts().show_email().await?, email);
    assert_eq!(operator.client.accounts().show_email().await?, MailAddress::default());
    // Neither the list of users nor the audit log contains the address.
    for path in ["/accounts/v1/users", "/accounts/v1/audit"] {
        let (status, answer) = send_json_request(&operator.client, Method::GET, path, None).await?;
        assert_eq!(status, StatusCode::OK);
        assert!(answer.to_string().contains("ada") && !answer.to_string().contains("ada@"), "{answer}");
    }
    for wrong in ["ada", "ada@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", ""] {
        let body = json!({ "address": wrong });
        let (status, _) =
            send_json_request(&ada.client, Method::PUT, "/accounts/v1/me/email", Some(&body)).await?;
        assert!(matches!(status.as_u16(), 400 | 422), "{wrong:?}: {status}");
    }
    // Credentials with fewer rights than the user cannot read it.
    let narrow = hearth.client_with_token(&ada.create_token(&["*:read"]).await?)?;
    assert_eq!(narrow.accounts().show_email().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let tool = "hers".parse()?;
    ada.client.tools().create(&ToolCreate { name: "hers".parse()?, description: String::new() }).await?;
    let label = TokenCreate { label: "bot".to_owned(), scopes: None, expires: None };
    let bot = hearth.client_with_token(&ada.client.tools().create_token(&tool, &label).await?.secret)?;
    assert_eq!(bot.accounts().show_email().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let id = ada.client.tools().show(&tool).await?.id;
    let refused =
        operator.client.accounts_internal().list_mail_recipients(id, &Paging::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    // A maintainer sees which users receive mail, and no address.
    let settings = ada.client.notify().show_mail_settings(&tool).await?;
    assert_eq!((settings.recipients.as_slice(), settings.sends), (&["ada".parse()?][..], false));
    assert_eq!(ada.client.accounts().update_email(&MailAddress::default()).await?, MailAddress::default());
    assert!(ada.client.notify().show_mail_settings(&tool).await?.recipients.is_empty());
    hearth.stop().await
}

in_every_shape!(mail_address_is_visible_to_its_owner_only);
