//! AWS Compute Optimizer.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::COMPUTE_OPTIMIZER,
    simulator::answer::{Protocol, Refusal},
};

pub(super) static SERVICE: Service = Service {
    signing: "compute-optimizer",
    names: &COMPUTE_OPTIMIZER,
    protocol: Protocol::Cbor,
    words: Words {
        throttled: (400, "ThrottlingException"),
        invalid: "InvalidParameterValueException",
        wrong_token: "InvalidParameterValueException",
    },
    is_global: false,
    operations: &[Operation::new("GetEnrollmentStatus", get_enrollment_status)],
};

#[expect(clippy::unnecessary_wraps, reason = "what every operation returns")]
fn get_enrollment_status(_: &Context<'_>) -> Result<Value, Refusal> {
    Ok(json!({"status": "Active", "memberAccountsEnrolled": true}))
}
