//! AWS Compute Optimizer: whether it watches an account.

use aws_sdk_computeoptimizer::types::Status;

use super::{
    Declared, Place, Question,
    action::{Action, COMPUTE_OPTIMIZER},
    problem::{Class, Problem},
};

static GET_ENROLLMENT_STATUS: Action = Action::new(&COMPUTE_OPTIMIZER, "GetEnrollmentStatus");

/// Why Compute Optimizer does not watch the account, or the members of its organization; `None` when it watches all.
///
/// Opting in is for all regions at once
/// (<https://docs.aws.amazon.com/compute-optimizer/latest/ug/account-opt-in.html>).
#[derive(Debug)]
pub(crate) struct OptIn;

impl Declared for OptIn {
    const NAME: &'static str = "compute_optimizer::OptIn";
    const ACTIONS: &'static [&'static Action] = &[&GET_ENROLLMENT_STATUS];
}

impl Question for OptIn {
    /// Of the account itself, and of its members.
    type Answer = Missing;

    async fn ask(&self, at: &Place) -> Result<Missing, Problem> {
        let there = at.global();
        let send = || there.computeoptimizer().get_enrollment_status().send();
        let answer = there.call(&GET_ENROLLMENT_STATUS, send).await?;
        let problem = |text: String| Problem::new(Class::NotEnrolled, &GET_ENROLLMENT_STATUS, text);
        let account = match answer.status() {
            Some(Status::Active) => None,
            status => {
                let status = status.map_or("unknown", Status::as_str);
                Some(problem(format!(
                    "Compute Optimizer is not on in this account (its status is {status}), so its recommendations are missing; turn it \
                     on with aws compute-optimizer update-enrollment-status --status Active --include-member-accounts"
                )))
            }
        };
        let members = (!answer.member_accounts_enrolled()).then(|| {
            problem(
                "Compute Optimizer is not on for the member accounts, so recommendations for theirs may be missing; turn it on with \
                 aws compute-optimizer update-enrollment-status --status Active --include-member-accounts"
                    .to_owned(),
            )
        });
        Ok(Missing { account, members })
    }
}

/// What Compute Optimizer does not watch, each with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The account that was asked.
    pub(crate) account: Option<Problem>,
    /// The members of its organization.
    pub(crate) members: Option<Problem>,
}

#[cfg(test)]
mod tests {
    use aws_smithy_cbor::Encoder;

    use super::*;
    use crate::aws::replies::{Reply, answered};

    fn reply(write: impl FnOnce(&mut Encoder)) -> Reply {
        let mut body = Encoder::new(Vec::new());
        body.begin_map();
        write(&mut body);
        body.end();
        Reply::ok("GetEnrollmentStatus", body.into_writer()).header("smithy-protocol", "rpc-v2-cbor")
    }

    async fn missing(status: &str, members: bool) -> (bool, bool) {
        let reply = reply(|it| {
            it.str("status").str(status).str("memberAccountsEnrolled").boolean(members);
        });
        let missing = answered(OptIn, vec![reply]).await.0.expect("answered");
        (missing.account.is_some(), missing.members.is_some())
    }

    #[tokio::test]
    async fn only_what_is_active_is_watched() {
        assert_eq!(missing("Active", true).await, (false, false));
        assert_eq!(missing("Active", false).await, (false, true));
        for status in ["Inactive", "Pending", "Failed", "something new"] {
            assert_eq!(missing(status, true).await, (true, false), "{status}");
        }
    }

    #[tokio::test]
    async fn a_denied_question_is_a_problem() {
        let denied = reply(|it| {
            it.str("__type").str("com.amazonaws.computeoptimizer#AccessDeniedException").str("message").str("no");
        });
        let problem = answered(OptIn, vec![denied.status(400)]).await.0.expect_err("denied");
        let expected = (Class::AccessDenied, "compute-optimizer:GetEnrollmentStatus");
        assert_eq!((problem.class, problem.action.as_str()), expected);
    }
}
