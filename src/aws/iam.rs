//! AWS IAM: what a role carries. Asked by `orgscan doctor` and `orgscan policy`, by no check.

use aws_sdk_iam::types::Tag;
use futures::future::try_join_all;
use percent_encoding::percent_decode_str;

use super::{
    Declared, Place, Question, Tags,
    action::{Action, IAM},
    problem::{Class, Problem},
    said,
    store::OWNED_BYTES,
};

static LIST_ROLE_TAGS: Action = Action::new(&IAM, "ListRoleTags");
static GET_ROLE: Action = Action::new(&IAM, "GetRole");
static LIST_ROLE_POLICIES: Action = Action::new(&IAM, "ListRolePolicies");
static GET_ROLE_POLICY: Action = Action::new(&IAM, "GetRolePolicy");
static LIST_ATTACHED: Action = Action::new(&IAM, "ListAttachedRolePolicies");
static GET_POLICY: Action = Action::new(&IAM, "GetPolicy");
static GET_POLICY_VERSION: Action = Action::new(&IAM, "GetPolicyVersion");

/// The tags of a role of the account.
#[derive(Debug)]
pub(crate) struct RoleTags {
    /// The name of the role, without its path.
    pub(crate) role: String,
}

impl Declared for RoleTags {
    const NAME: &'static str = "iam::RoleTags";
    const ACTIONS: &'static [&'static Action] = &[&LIST_ROLE_TAGS];
}

impl Question for RoleTags {
    type Answer = Tags;

    async fn ask(&self, at: &Place) -> Result<Tags, Problem> {
        let there = at.global();
        let mut tags = Tags::new();
        let send = |token| there.iam().list_role_tags().role_name(&self.role).set_marker(token).send();
        there
            .pages(&LIST_ROLE_TAGS, send, |page| {
                tags.extend(page.tags().iter().map(|it: &Tag| (it.key().to_owned(), it.value().to_owned())));
                page.marker.filter(|_| page.is_truncated)
            })
            .await?;
        Ok(tags)
    }
}

/// Every policy of a role of the account, with the documents in force.
#[derive(Debug)]
pub(crate) struct PoliciesOf {
    /// The name of the role, without its path.
    pub(crate) role: String,
}

/// The policies of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RolePolicies {
    /// What the role is permitted, the document of each policy as JSON: inline ones first.
    pub(crate) documents: Vec<String>,
    /// The document of its permissions boundary.
    pub(crate) boundary: Option<String>,
}

impl Declared for PoliciesOf {
    const NAME: &'static str = "iam::PoliciesOf";
    const ACTIONS: &'static [&'static Action] =
        &[&GET_ROLE, &LIST_ROLE_POLICIES, &GET_ROLE_POLICY, &LIST_ATTACHED, &GET_POLICY, &GET_POLICY_VERSION];
}

impl Question for PoliciesOf {
    type Answer = RolePolicies;

    fn bytes(&self, answer: &RolePolicies) -> usize {
        answer.documents.iter().map(|it| it.len() + OWNED_BYTES).sum()
    }

    async fn ask(&self, at: &Place) -> Result<RolePolicies, Problem> {
        let there = at.global();
        let role = there.call(&GET_ROLE, || there.iam().get_role().role_name(&self.role).send()).await?;
        let boundary =
            role.role().and_then(|it| it.permissions_boundary()).and_then(|it| said(it.permissions_boundary_arn()));
        let mut inline = Vec::new();
        let send = |token| there.iam().list_role_policies().role_name(&self.role).set_marker(token).send();
        there
            .pages(&LIST_ROLE_POLICIES, send, |page| {
                inline.extend(page.policy_names().iter().cloned());
                page.marker.filter(|_| page.is_truncated)
            })
            .await?;
        let mut attached = Vec::new();
        let send = |token| there.iam().list_attached_role_policies().role_name(&self.role).set_marker(token).send();
        there
            .pages(&LIST_ATTACHED, send, |page| {
                attached.extend(page.attached_policies().iter().filter_map(|it| said(it.policy_arn())));
                page.marker.filter(|_| page.is_truncated)
            })
            .await?;
        let mut documents = try_join_all(inline.iter().map(|it| self.inline(&there, it))).await?;
        documents.extend(try_join_all(attached.iter().map(|it| managed(&there, it))).await?);
        let boundary = match &boundary {
            Some(arn) => Some(managed(&there, arn).await?),
            None => None,
        };
        Ok(RolePolicies { documents, boundary })
    }
}

impl PoliciesOf {
    async fn inline(&self, at: &Place, policy: &str) -> Result<String, Problem> {
        let send = || at.iam().get_role_policy().role_name(&self.role).policy_name(policy).send();
        Ok(decoded(at.call(&GET_ROLE_POLICY, send).await?.policy_document()))
    }
}

/// The document of a managed policy that is in force.
async fn managed(at: &Place, arn: &str) -> Result<String, Problem> {
    let policy = at.call(&GET_POLICY, || at.iam().get_policy().policy_arn(arn).send()).await?;
    let missing =
        |what: &str| Problem::new(Class::InvalidExchange, &GET_POLICY_VERSION, format!("{arn} has no {what}"));
    let version =
        policy.policy().and_then(|it| said(it.default_version_id())).ok_or_else(|| missing("version in force"))?;
    let send = || at.iam().get_policy_version().policy_arn(arn).version_id(&version).send();
    let answer = at.call(&GET_POLICY_VERSION, send).await?;
    answer.policy_version().and_then(|it| it.document()).map(decoded).ok_or_else(|| missing("document"))
}

/// IAM encodes documents as parts of an address are
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>, read Nov 2026).
fn decoded(document: &str) -> String {
    percent_decode_str(document).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replies::{Reply, answered};

    fn xml(asked: &'static str, operation: &str, result: &str) -> Reply {
        Reply::ok(
            asked,
            format!("<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"),
        )
    }

    fn denied(asked: &'static str) -> Reply {
        let body =
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>";
        Reply::ok(asked, body).status(403)
    }

    #[tokio::test]
    async fn every_page_of_tags_is_read() {
        let tag = |key: &str| format!("<Tags><member><Key>{key}</Key><Value>v</Value></member></Tags>");
        let more = "<IsTruncated>true</IsTruncated><Marker>m1</Marker>";
        let replies = vec![
            xml("RoleName=Reader", "ListRoleTags", &format!("{}{more}", tag("one"))),
            xml("Marker=m1", "ListRoleTags", &format!("{}<IsTruncated>false</IsTruncated>", tag("two"))),
        ];
        let tags = answered(RoleTags { role: "Reader".to_owned() }, replies).await.0.expect("answered");
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["one", "two"]);
        let problem = answered(RoleTags { role: "Reader".to_owned() }, vec![denied("ListRoleTags")]).await.0;
        assert_eq!(problem.map_err(|it| it.class), Err(Class::AccessDenied));
    }

    fn managed_policy(asked: &'static str, document: &str) -> [Reply; 2] {
        [
            xml(asked, "GetPolicy", "<Policy><DefaultVersionId>v3</DefaultVersionId></Policy>"),
            xml(
                "VersionId=v3",
                "GetPolicyVersion",
                &format!("<PolicyVersion><Document>{document}</Document></PolicyVersion>"),
            ),
        ]
    }

    fn role() -> Reply {
        let boundary =
            "<PermissionsBoundary><PermissionsBoundaryArn>arn:edge</PermissionsBoundaryArn></PermissionsBoundary>";
        let role = "<Path>/</Path><RoleName>Reader</RoleName><RoleId>AROA</RoleId><Arn>arn</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>";
        xml("Action=GetRole", "GetRole", &format!("<Role>{role}{boundary}</Role>"))
    }

    #[tokio::test]
    async fn every_policy_of_a_role_is_read_with_its_boundary() {
        let names = "<PolicyNames><member>one</member></PolicyNames><IsTruncated>false</IsTruncated>";
        let inline = "<RoleName>Reader</RoleName><PolicyName>one</PolicyName><PolicyDocument>%7B1%7D</PolicyDocument>";
        let attached =
            |arn: &str| format!("<AttachedPolicies><member><PolicyArn>{arn}</PolicyArn></member></AttachedPolicies>");
        let more = "<IsTruncated>true</IsTruncated><Marker>m1</Marker>";
        let mut replies = vec![
            role(),
            xml("Action=ListRolePolicies", "ListRolePolicies", names),
            xml("Action=ListAttachedRolePolicies", "ListAttachedRolePolicies", &format!("{}{more}", attached("arn:a"))),
            xml("Marker=m1", "ListAttachedRolePolicies", "<AttachedPolicies/>"),
            xml("PolicyName=one", "GetRolePolicy", inline),
        ];
        replies.extend(managed_policy("PolicyArn=arn%3Aa", "%7B2%7D"));
        replies.extend(managed_policy("PolicyArn=arn%3Aedge", "%7B3%7D"));
        let policies = answered(PoliciesOf { role: "Reader".to_owned() }, replies).await.0.expect("answered");
        assert_eq!(policies.documents, ["{1}", "{2}"]);
        assert_eq!(policies.boundary.as_deref(), Some("{3}"));
    }

    #[tokio::test]
    async fn a_policy_that_may_not_be_read_is_a_problem_and_not_a_role_without_it() {
        let denied = vec![role(), denied("Action=ListRolePolicies")];
        let problem = answered(PoliciesOf { role: "Reader".to_owned() }, denied).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "iam:ListRolePolicies"));
    }
}
