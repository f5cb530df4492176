//! AWS Identity and Access Management: the role that the StackSet made in each account.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, members};
use crate::{
    aws::action::IAM,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        credentials::ROLE,
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "iam",
    names: &IAM,
    protocol: Protocol::Query("https://iam.amazonaws.com/doc/2010-05-08/"),
    words: Words { throttled: (400, "Throttling"), invalid: "ValidationError", wrong_token: "InvalidInput" },
    is_global: true,
    operations: &[Operation::new("ListRoleTags", list_role_tags)],
};

fn list_role_tags(cx: &Context<'_>) -> Result<Value, Refusal> {
    let role = cx.call.text("RoleName").ok_or_else(|| cx.call.invalid("RoleName is missing"))?;
    if role != ROLE {
        let text = format!("The role with name {role} cannot be found.");
        return Err(cx.call.service.refusal(Denial::Other(404, "NoSuchEntity", text)));
    }
    let version = cx.world.template_of(&cx.call.account);
    let tag = json!({"Key": "orgscan:template-version", "Value": version});
    Ok(json!({"Tags": members([tag]), "IsTruncated": false}))
}
