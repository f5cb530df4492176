//! AWS CloudFormation: how far a StackSet has brought its stacks.

use aws_sdk_cloudformation::types::{
    CallAs, StackInstanceDetailedStatus as Detailed, StackInstanceStatus as Status, StackInstanceSummary,
};

use super::{
    Declared, Place, Question,
    action::{Action, CLOUDFORMATION, ORGANIZATIONS},
    problem::{Problem, one_line},
    said,
    store::OWNED_BYTES,
};

static LIST_STACK_INSTANCES: Action = Action::new(&CLOUDFORMATION, "ListStackInstances");
/// Asked by CloudFormation in the caller's name, to know a delegated administrator: without it, one is told that it is none
/// (<https://github.com/hashicorp/terraform-provider-aws/pull/37069>, read Nov 2026).
static LIST_DELEGATED_ADMINISTRATORS: Action = Action::new(&ORGANIZATIONS, "ListDelegatedAdministrators");

/// The most instances on a page
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackInstances.html>, read Nov 2026).
const PAGE: i32 = 100;

/// The stacks of a service-managed StackSet in the region of the place, account by account.
#[derive(Debug)]
pub(crate) struct StackInstances {
    /// The name of the StackSet.
    pub(crate) stack_set: String,
    /// Whether the caller is a delegated administrator of StackSets, and not the management account.
    pub(crate) as_delegate: bool,
}

/// The stack of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StackInstance {
    pub(crate) account: String,
    pub(crate) standing: Standing,
    /// What AWS says of it, where it says something.
    pub(crate) reason: Option<String>,
}

/// How a stack stands to its StackSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// As the StackSet wants it.
    Current,
    /// An operation is to bring it there.
    Underway,
    /// Not as the StackSet wants it, and nothing is being done about it.
    Behind,
}

impl Declared for StackInstances {
    const NAME: &'static str = "cloudformation::StackInstances";
    const ACTIONS: &'static [&'static Action] = &[&LIST_STACK_INSTANCES, &LIST_DELEGATED_ADMINISTRATORS];
}

impl Question for StackInstances {
    type Answer = Vec<StackInstance>;

    fn bytes(&self, answer: &Vec<StackInstance>) -> usize {
        answer.len() * (size_of::<StackInstance>() + OWNED_BYTES)
    }

    async fn ask(&self, at: &Place) -> Result<Vec<StackInstance>, Problem> {
        let caller = if self.as_delegate { CallAs::DelegatedAdmin } else { CallAs::SelfValue };
        let mut instances = Vec::new();
        let send = |token| {
            at.cloudformation()
                .list_stack_instances()
                .stack_set_name(&self.stack_set)
                .call_as(caller.clone())
                .max_results(PAGE)
                .set_next_token(token)
                .send()
        };
        at.pages(&LIST_STACK_INSTANCES, send, |page| {
            instances.extend(page.summaries().iter().filter_map(instance));
            page.next_token
        })
        .await?;
        Ok(instances)
    }
}

fn instance(it: &StackInstanceSummary) -> Option<StackInstance> {
    let detailed = it.stack_instance_status().and_then(|it| it.detailed_status());
    let standing = match (it.status(), detailed) {
        (_, Some(Detailed::Pending | Detailed::Running)) => Standing::Underway,
        (Some(Status::Current), None | Some(Detailed::Succeeded)) => Standing::Current,
        _ => Standing::Behind,
    };
    Some(StackInstance {
        account: it.account()?.to_owned(),
        standing,
        reason: said(it.status_reason()).map(|it| one_line(&it)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered},
    };

    fn question(as_delegate: bool) -> StackInstances {
        StackInstances { stack_set: "orgscan-member-role".to_owned(), as_delegate }
    }

    fn page(asked: &'static str, members: &[(&str, &str, &str)], token: &str) -> Reply {
        let member = |(account, status, detailed): &(&str, &str, &str)| {
            format!(
                "<member><Account>{account}</Account><Status>{status}</Status><StatusReason>said</StatusReason>\
                 <StackInstanceStatus><DetailedStatus>{detailed}</DetailedStatus></StackInstanceStatus></member>"
            )
        };
        let members: String = members.iter().map(member).collect();
        let token = if token.is_empty() { String::new() } else { format!("<NextToken>{token}</NextToken>") };
        Reply::ok(
            asked,
            format!(
                "<ListStackInstancesResponse><ListStackInstancesResult><Summaries>{members}</Summaries>{token}\
                 </ListStackInstancesResult></ListStackInstancesResponse>"
            ),
        )
    }

    #[tokio::test]
    async fn every_page_is_read_and_says_how_each_stack_stands() {
        let replies = vec![
            page("CallAs=SELF", &[("1", "CURRENT", "SUCCEEDED"), ("2", "OUTDATED", "PENDING")], "t1"),
            page("NextToken=t1", &[], "t2"),
            page("NextToken=t2", &[("3", "OUTDATED", "FAILED"), ("4", "INOPERABLE", "INOPERABLE")], ""),
        ];
        let instances = answered(question(false), replies).await.0.expect("answered");
        let standings: Vec<_> = instances.iter().map(|it| (it.account.as_str(), it.standing)).collect();
        let expected =
            [("1", Standing::Current), ("2", Standing::Underway), ("3", Standing::Behind), ("4", Standing::Behind)];
        assert_eq!(standings, expected);
        assert_eq!(instances[2].reason.as_deref(), Some("said"));
    }

    #[tokio::test]
    async fn a_delegated_administrator_says_that_it_is_one() {
        let instances = answered(question(true), vec![page("CallAs=DELEGATED_ADMIN", &[], "")]).await.0;
        assert_eq!(instances, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let body =
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>";
        let denied = vec![Reply::ok("ListStackInstances", body).status(403)];
        let problem = answered(question(false), denied).await.0.expect_err("denied");
        let expected = (Class::AccessDenied, "cloudformation:ListStackInstances");
        assert_eq!((problem.class, problem.action.as_str()), expected);
    }
}
