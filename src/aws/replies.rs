//! Recorded replies for the tests of collectors: a collector runs through the real door, and AWS is a list of answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use rust_decimal::Decimal;

use super::{
    Collect, Place, Question,
    action::Action,
    door::{ATTEMPT_TIMEOUT, Door, Tally, Terms},
    problem::Problem,
    session::Session,
};
use crate::check::testing::now;

/// One answer of AWS, and what the request must contain to get it.
pub(crate) struct Reply {
    asked: &'static str,
    status: u16,
    body: Vec<u8>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Reply {
    /// A good answer to a request whose URI, headers or body contain `asked`.
    pub(crate) fn ok(asked: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { asked, status: 200, body: body.into(), headers: Vec::new() }
    }

    /// An answer with another HTTP status.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A header of the answer.
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A denial as EC2 words it.
pub(crate) fn ec2_denied(asked: &'static str) -> Reply {
    let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this \
                operation because no identity-based policy allows it</Message></Error></Errors><RequestID>r</RequestID></Response>";
    Reply::ok(asked, body).status(403)
}

/// A denial as the JSON services word it.
pub(crate) fn json_denied(asked: &'static str) -> Reply {
    Reply::ok(asked, r#"{"__type":"AccessDeniedException","message":"no identity-based policy allows it"}"#)
        .status(400)
        .header("x-amzn-errortype", "AccessDeniedException")
}

#[derive(Clone, Debug)]
struct Script(Arc<Mutex<VecDeque<Reply>>>);

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {}", self.asked, self.status)
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut said = format!("{} {:?}", request.uri(), request.headers());
        if let Some(bytes) = request.body().bytes() {
            said.push_str(&String::from_utf8_lossy(bytes));
        }
        let reply = self.0.lock().expect("unpoisoned").pop_front();
        let reply = reply.unwrap_or_else(|| panic!("no reply is left for {said}"));
        assert!(said.contains(reply.asked), "the next reply is for {}, the request is {said}", reply.asked);
        let mut response = HttpResponse::new(reply.status.try_into().expect("a status"), SdkBody::from(reply.body));
        for (name, value) in reply.headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn place(script: &Script, actions: &[&'static Action]) -> Place {
    let connector = SharedHttpConnector::new(script.clone());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build();
    let allowed = actions.iter().map(|it| (it.service.sdk, it.operation)).collect();
    let terms = Terms { share: 1.0, attempt_timeout: ATTEMPT_TIMEOUT, kept_bytes: 1_000_000 };
    let door = Arc::new(Door::new(config, terms, allowed));
    let session = Arc::new(Session::of_caller(&door, "111122223333", "aws"));
    Place::new(door, session, Arc::new(Tally::new(Decimal::ONE)), "eu-west-1", now())
}

fn all_asked(script: &Script) {
    let left = script.0.lock().expect("unpoisoned");
    assert!(left.is_empty(), "replies that were not asked for: {left:?}");
}

/// Everything a collector returns for the given replies, in order. The gate lets only the collector's own actions pass.
pub(crate) async fn collected<T: Collect>(replies: Vec<Reply>) -> Result<Vec<T>, Problem> {
    let script = Script(Arc::new(Mutex::new(replies.into())));
    let things = T::collect(&place(&script, T::ACTIONS)).await;
    all_asked(&script);
    things
}

/// The answer to a question for the given replies, and what was noted as not seen.
pub(crate) async fn answered<Q: Question>(
    question: Q,
    replies: Vec<Reply>,
) -> (Result<Q::Answer, Problem>, Vec<Problem>) {
    let script = Script(Arc::new(Mutex::new(replies.into())));
    let place = place(&script, Q::ACTIONS);
    let answer = question.ask(&place).await;
    all_asked(&script);
    (answer, place.noted())
}

mod tests {
    use super::*;
    use crate::aws::{
        Declared,
        action::EC2,
        ec2::Volume,
        problem::{Class, from_sdk},
    };

    static TERMINATE: Action = Action::new(&EC2, "TerminateInstances");

    fn nothing() -> Script {
        Script(Arc::default())
    }

    #[tokio::test]
    async fn an_operation_that_is_not_on_the_read_only_list_is_refused_before_a_request_exists() {
        let at = place(&nothing(), Volume::ACTIONS);
        let problem = at.call(&TERMINATE, || at.ec2().terminate_instances().send()).await.expect_err("refused");
        assert_eq!(problem.class, Class::InvalidExchange);
        assert!(problem.message.contains("EC2 TerminateInstances is not on the read-only list"), "{problem}");
    }

    #[tokio::test]
    async fn an_operation_under_the_name_of_another_is_refused() {
        let at = place(&nothing(), Volume::ACTIONS);
        let send = || at.ec2().terminate_instances().send();
        let problem = at.call(Volume::ACTIONS[0], send).await.expect_err("refused");
        assert!(problem.message.contains("did not come through the door"), "{problem}");
    }

    #[tokio::test]
    async fn a_call_past_the_door_is_refused() {
        let at = place(&nothing(), Volume::ACTIONS);
        let error = at.ec2().describe_volumes().send().await.expect_err("refused");
        let problem = from_sdk(Volume::ACTIONS[0], &error);
        assert!(problem.message.contains("EC2 DescribeVolumes did not come through the door"), "{problem}");
    }

    #[tokio::test]
    async fn a_throttled_call_is_sent_again_and_a_denied_one_is_not() {
        let throttled = || {
            let error = "<Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error>";
            let body = format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>");
            Reply::ok("DescribeVolumes", body).status(503)
        };
        let empty = "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>";
        let volumes =
            collected::<Volume>(vec![throttled(), Reply::ok("DescribeVolumes", empty)]).await.expect("collected");
        assert!(volumes.is_empty());
        let denied = collected::<Volume>(vec![ec2_denied("DescribeVolumes")]).await.expect_err("denied at once");
        assert_eq!(denied.class, Class::AccessDenied);
    }
}
