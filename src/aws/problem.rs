//! What could not be seen, and why: problems and their classes.

use std::fmt;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use schemars::JsonSchema;
use serde::Serialize;

use super::action::Action;

/// Why a place could not be seen. A closed list; answers spell it in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// `AssumeRole` was refused: the role is not there, or its trust or external id does not admit the caller. AWS gives
    /// the same answer for all three.
    RoleMissing,
    /// The role in the account lacks the permission.
    AccessDenied,
    /// A service control policy of the organization denies the action.
    DeniedByScp,
    /// A resource control policy of the organization denies the action.
    DeniedByRcp,
    /// The region is not enabled in the account, so there is nothing to see.
    RegionNotEnabled,
    /// AWS kept throttling after all retries.
    Throttled,
    /// No answer within the time allowed for one attempt, after all retries.
    TimedOut,
    /// No connection to the endpoint.
    Unreachable,
    /// The service has no endpoint in the region.
    EndpointMissing,
    /// AWS answered with a fault of its own (HTTP 5xx) after all retries.
    ServiceError,
    /// The account has not opted in to the service that would know.
    NotEnrolled,
    /// AWS has no data yet, for example Cost Explorer on a young account.
    DataUnavailable,
    /// The account is suspended, closed or not yet active in the organization.
    AccountSuspended,
    /// AWS blocks the account (verification pending, unpaid).
    AccountBlocked,
    /// Credentials were refused as expired, also after renewing them.
    CredentialsExpired,
    /// Credentials were refused as invalid.
    CredentialsInvalid,
    /// The local clock is too far from AWS's.
    ClockSkew,
    /// The call would have gone over the cap on charges.
    ChargeCap,
    /// The deadline of the scan came first.
    Deadline,
    /// The caller cancelled the scan.
    Cancelled,
    /// No organization, or no permission to list its accounts.
    NoOrganization,
    /// AWS refused the request as wrong, or its answer made no sense: a bug in orgscan or an emulator's gap.
    InvalidExchange,
    /// A check crashed: a bug in orgscan.
    Crashed,
}

impl Class {
    /// Whether a place with this problem leaves the answer incomplete.
    ///
    /// A suspended account and a region that is not enabled have nothing to look at; everything else hides something.
    #[must_use]
    pub fn is_gap(self) -> bool {
        !matches!(self, Self::AccountSuspended | Self::RegionNotEnabled)
    }

    /// The spelling in answers, for example `role_missing`.
    #[must_use]
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => format!("{self:?}"),
        }
    }
}

/// One thing that could not be seen: which action, which class, in AWS's words.
///
/// Where it happened is added by the engine, which alone knows places.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub struct Problem {
    /// Why.
    pub class: Class,
    /// The IAM action, for example `ec2:DescribeVolumes`.
    pub action: String,
    /// AWS's own words, one line, shortened.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, self.message)
    }
}

impl Problem {
    /// A problem with an action, in words that are flattened to one line of at most 300 characters.
    pub(crate) fn new(class: Class, action: &Action, message: impl AsRef<str>) -> Self {
        Self { class, action: action.iam(), message: one_line(message.as_ref()) }
    }

    /// The same problem under another class.
    pub(crate) fn reclassified(mut self, class: Class) -> Self {
        self.class = class;
        self
    }
}

/// Text from AWS on one line, without control characters, at most 300 characters.
pub(crate) fn one_line(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(300) {
        Some((cut, _)) => format!("{}...", &words[..cut]),
        None => words,
    }
}

/// Codes that mean "too fast", beside HTTP 429: the SDK's own list (aws-runtime 1.10, `retries/classifiers.rs`), without
/// `LimitExceededException` (a quota in most services), plus those it does not know: `DependencyThrottle` (Classic ELB),
/// `KmsThrottled` (SQS), `KMSThrottling` (SNS).
const THROTTLES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
    "DependencyThrottle",
    "KmsThrottled",
    "KMSThrottling",
];

const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException"];

const SKEWED: &[&str] = &["RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"];

const INVALID_TOKEN: &[&str] = &[
    "AuthFailure",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
];

const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "NotAuthorized",
    "UnauthorizedException",
    "AccessDeniedForDependencyException",
];

/// What AWS's error code and message mean for a scan.
///
/// Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html> (how a denial names the kind
/// of policy, read Oct 2026), <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html> (throttles).
pub(crate) fn class_of(action: &Action, status: u16, code: &str, message: &str) -> Class {
    let lower = message.to_lowercase();
    if THROTTLES.contains(&code) || status == 429 || lower.contains("rate exceeded") {
        return Class::Throttled;
    }
    if code == "LimitExceededException" && action.service.sdk == "Cost Explorer" {
        return Class::Throttled;
    }
    if EXPIRED.contains(&code) {
        return Class::CredentialsExpired;
    }
    if SKEWED.contains(&code) {
        return Class::ClockSkew;
    }
    if lower.contains("not enrolled")
        || lower.contains("not opted in")
        || lower.contains("not registered for cost optimization")
        // Where nobody has opened Cost Explorer yet; seen in aws-samples/aws-cost-explorer-report, issue 15.
        || lower.contains("not enabled for cost explorer")
    {
        return Class::NotEnrolled;
    }
    if DENIED.contains(&code) {
        return match () {
            () if lower.contains("service control policy") => Class::DeniedByScp,
            () if lower.contains("resource control policy") => Class::DeniedByRcp,
            () => Class::AccessDenied,
        };
    }
    if INVALID_TOKEN.contains(&code) {
        return Class::CredentialsInvalid;
    }
    match code {
        "RegionDisabledException" => Class::RegionNotEnabled,
        "OptInRequired" | "OptInRequiredException" | "SubscriptionRequiredException" => Class::NotEnrolled,
        "AWSOrganizationsNotInUseException" => Class::NoOrganization,
        "DataUnavailableException" | "BillExpirationException" => Class::DataUnavailable,
        "Blocked" | "PendingVerification" | "AccountDisabled" => Class::AccountBlocked,
        "RequestTimeout" | "RequestTimeoutException" => Class::TimedOut,
        "InternalFailure" | "InternalError" | "InternalServerError" | "ServiceUnavailable" | "Unavailable" => {
            Class::ServiceError
        }
        _ if status >= 500 => Class::ServiceError,
        _ => Class::InvalidExchange,
    }
}

/// Turns what the SDK returned into a problem.
pub(crate) fn from_sdk<E>(action: &Action, error: &SdkError<E, HttpResponse>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or("no error code");
            let message = context.err().message().unwrap_or("no message");
            let class = class_of(action, context.raw().status().as_u16(), code, message);
            Problem::new(class, action, format!("{code}: {message}"))
        }
        SdkError::TimeoutError(_) => Problem::new(Class::TimedOut, action, "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let text = failure.as_connector_error().map_or_else(|| chain(error), |it| chain(it));
            let class = if failure.is_timeout() {
                Class::TimedOut
            } else if text.contains("dns error") || text.contains("failed to lookup address") {
                Class::EndpointMissing
            } else if failure.as_connector_error().is_none() || text.contains("credential") {
                Class::CredentialsInvalid
            } else {
                Class::Unreachable
            };
            let none = text.contains("no credentials found in chain")
                || text.contains("no providers in chain provided credentials");
            Problem::new(class, action, if none { "no AWS credentials were found" } else { &text })
        }
        SdkError::ResponseError(context) => {
            let status = context.raw().status().as_u16();
            let class = if status >= 500 { Class::ServiceError } else { Class::InvalidExchange };
            Problem::new(class, action, format!("HTTP {status}: {}", chain(error)))
        }
        other => Problem::new(Class::InvalidExchange, action, chain(other)),
    }
}

/// An error and its sources as one line; a text that repeats its source is said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !parts.iter().any(|it| it.contains(&text)) {
            parts.push(text);
        }
        source = inner.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::action::{COST_EXPLORER, EC2};

    static EC2_ACTION: Action = Action::new(&EC2, "DescribeVolumes");
    static CE_ACTION: Action = Action::new(&COST_EXPLORER, "GetCostAndUsage");

    fn class(status: u16, code: &str, message: &str) -> Class {
        class_of(&EC2_ACTION, status, code, message)
    }

    #[test]
    fn a_denial_is_told_apart_by_the_kind_of_policy() {
        let scp = "not authorized to perform: ec2:DescribeVolumes with an explicit deny in a service control policy";
        let implicit = "because no service control policy allows the ec2:DescribeVolumes action";
        assert_eq!(class(403, "UnauthorizedOperation", scp), Class::DeniedByScp);
        assert_eq!(class(403, "AccessDenied", implicit), Class::DeniedByScp);
        assert_eq!(class(403, "AccessDeniedException", "a Resource Control Policy denies"), Class::DeniedByRcp);
        assert_eq!(class(403, "UnauthorizedOperation", "no identity-based policy allows"), Class::AccessDenied);
    }

    #[test]
    fn throttles_are_known_by_code_by_status_and_by_words() {
        assert_eq!(class(503, "RequestLimitExceeded", ""), Class::Throttled);
        assert_eq!(class(400, "DependencyThrottle", ""), Class::Throttled);
        assert_eq!(class(429, "Whatever", ""), Class::Throttled);
        assert_eq!(class(400, "Whatever", "Rate exceeded"), Class::Throttled);
    }

    #[test]
    fn a_service_that_is_off_is_no_missing_permission() {
        let text = "User not enabled for cost explorer access";
        assert_eq!(class_of(&CE_ACTION, 400, "AccessDeniedException", text), Class::NotEnrolled);
        assert_eq!(class_of(&CE_ACTION, 400, "AccessDeniedException", "not authorized"), Class::AccessDenied);
    }

    #[test]
    fn limit_exceeded_is_a_rate_only_in_cost_explorer() {
        assert_eq!(class_of(&CE_ACTION, 400, "LimitExceededException", ""), Class::Throttled);
        assert_eq!(class(400, "LimitExceededException", ""), Class::InvalidExchange);
    }

    #[test]
    fn a_long_message_is_cut_and_flattened() {
        let line = one_line(&format!("a\nb\u{1b}[31m {}", "x".repeat(400)));
        assert!(line.starts_with("a b [31m xxx") && line.ends_with("..."));
        assert_eq!(line.chars().count(), 303);
    }
}
