//! Answers and refusals, each in the wire protocol of its service.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use serde_json::{Map, Value, json};

use super::{call::Call, services::Service};
use crate::aws::action;

/// How a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Form in, XML out, as EC2 alone has it.
    Ec2,
    /// Form in, XML out, with the namespace of the answers.
    Query(&'static str),
    /// The operation in a header, JSON in and out.
    Json,
    /// The operation in the path, CBOR in and out.
    Cbor,
    RestJson,
    /// The namespace of the answers.
    RestXml(&'static str),
}

/// Why AWS refuses, before each service finds its own word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// The request is not signed.
    Unsigned,
    /// The signature is not that of the request, with what is wrong.
    WrongSignature(String),
    /// The access key belongs to nobody, or the region is not enabled in its account.
    UnknownKey,
    Expired,
    /// The clock of the caller is wrong.
    Skewed,
    /// Who, what, and the reason in IAM's words.
    NotAllowed {
        caller: String,
        action: String,
        reason: String,
    },
    Throttled,
    Failing,
    UnknownOperation(String),
    Unreadable,
    /// A parameter makes no sense.
    Invalid(String),
    /// The token of a page was not given for this list.
    WrongToken,
    /// Another code and message of the service's own, with the HTTP status.
    Other(u16, &'static str, String),
}

/// An error answer: the HTTP status, AWS's code and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

const INVALID_TOKEN: &str = "The security token included in the request is invalid.";
const EXPIRED_TOKEN: &str = "The security token included in the request is expired";

impl Service {
    /// The refusal in the words of this service.
    ///
    /// Source: the common errors of each service's API reference, and
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html> (read Oct 2026).
    pub(super) fn refusal(&self, denial: Denial) -> Refusal {
        let (xml, rest_json) = (self.speaks_xml(), self.protocol == Protocol::RestJson);
        let is = |it: &action::Service| std::ptr::eq(self.names, it);
        let json_status = if rest_json { 403 } else { 400 };
        match denial {
            Denial::Unsigned if self.protocol == Protocol::Ec2 => {
                Refusal::new(401, "AuthFailure", "Credentials must be provided.")
            }
            Denial::Unsigned => Refusal::new(403, "MissingAuthenticationToken", "Missing Authentication Token"),
            Denial::WrongSignature(text) if self.protocol == Protocol::Ec2 => {
                Refusal::new(401, "AuthFailure", format!("AWS was not able to validate the credentials: {text}"))
            }
            Denial::WrongSignature(text) if xml => Refusal::new(403, "SignatureDoesNotMatch", text),
            Denial::WrongSignature(text) => Refusal::new(json_status, "InvalidSignatureException", text),
            Denial::UnknownKey if self.protocol == Protocol::Ec2 => {
                Refusal::new(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
            }
            Denial::UnknownKey if is(&action::S3) => Refusal::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Denial::UnknownKey if xml => Refusal::new(403, "InvalidClientTokenId", INVALID_TOKEN),
            Denial::UnknownKey => Refusal::new(json_status, "UnrecognizedClientException", INVALID_TOKEN),
            Denial::Expired if is(&action::S3) => Refusal::new(400, "ExpiredToken", "The provided token has expired."),
            Denial::Expired if xml => Refusal::new(403, "ExpiredToken", EXPIRED_TOKEN),
            Denial::Expired => Refusal::new(json_status, "ExpiredTokenException", EXPIRED_TOKEN),
            Denial::Skewed => self.skewed(),
            Denial::NotAllowed { caller, action, reason } => self.not_allowed(&caller, &action, &reason),
            Denial::Throttled => self.throttled(),
            Denial::Failing if self.protocol == Protocol::Ec2 => {
                Refusal::new(503, "Unavailable", "The service is unavailable. Please try again shortly.")
            }
            Denial::Failing if xml => Refusal::new(503, "ServiceUnavailable", "Please try again shortly."),
            Denial::Failing => Refusal::new(500, "InternalServerError", "Please try again shortly."),
            Denial::UnknownOperation(name) if xml => {
                Refusal::new(400, "InvalidAction", format!("The action {name} is not valid for this web service."))
            }
            Denial::UnknownOperation(name) if rest_json => {
                Refusal::new(404, "UnknownOperationException", format!("Unknown operation {name}"))
            }
            Denial::UnknownOperation(name) => {
                Refusal::new(400, "UnknownOperationException", format!("Unknown operation {name}"))
            }
            Denial::Unreadable => Refusal::new(400, "SerializationException", "The request cannot be read."),
            Denial::Invalid(text) => Refusal::new(400, self.words.invalid, text),
            Denial::WrongToken => Refusal::new(400, self.words.wrong_token, "The token of the page is not valid."),
            Denial::Other(status, code, text) => Refusal::new(status, code, text),
        }
    }

    fn skewed(&self) -> Refusal {
        match self.protocol {
            Protocol::Ec2 => Refusal::new(400, "RequestExpired", "Request has expired."),
            Protocol::RestXml(_) if std::ptr::eq(self.names, &raw const action::S3) => Refusal::new(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            _ => self.refusal(Denial::WrongSignature("Signature expired: the clock of the caller is wrong".to_owned())),
        }
    }

    fn not_allowed(&self, caller: &str, action: &str, reason: &str) -> Refusal {
        let text = format!("User: {caller} is not authorized to perform: {action} {reason}");
        match self.protocol {
            Protocol::Ec2 => {
                let text = format!("You are not authorized to perform this operation. {text}");
                Refusal::new(403, "UnauthorizedOperation", text)
            }
            Protocol::Query(_) if std::ptr::eq(self.names, &raw const action::SNS) => {
                Refusal::new(403, "AuthorizationError", text)
            }
            Protocol::Query(_) | Protocol::RestXml(_) => Refusal::new(403, "AccessDenied", text),
            Protocol::RestJson => Refusal::new(403, "AccessDeniedException", text),
            Protocol::Json | Protocol::Cbor => Refusal::new(400, "AccessDeniedException", text),
        }
    }

    fn throttled(&self) -> Refusal {
        let (status, code) = self.words.throttled;
        Refusal::new(
            status,
            code,
            if code == "RequestLimitExceeded" { "Request limit exceeded." } else { "Rate exceeded" },
        )
    }

    fn speaks_xml(&self) -> bool {
        matches!(self.protocol, Protocol::Ec2 | Protocol::Query(_) | Protocol::RestXml(_))
    }

    fn content_type(&self) -> &'static str {
        match self.protocol {
            Protocol::Ec2 | Protocol::Query(_) => "text/xml;charset=UTF-8",
            Protocol::RestXml(_) => "application/xml",
            Protocol::Json => "application/x-amz-json-1.1",
            Protocol::RestJson => "application/json",
            Protocol::Cbor => "application/cbor",
        }
    }
}

/// An answer on its way: status, headers, body.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// A good answer.
    pub(super) fn ok(call: &Call, answer: Value, id: &str) -> Self {
        let service = call.service;
        let operation = call.operation.name;
        let body = match service.protocol {
            Protocol::Ec2 => {
                let mut fields = fields(answer, "http://ec2.amazonaws.com/doc/2016-11-15/");
                fields.insert("requestId".to_owned(), json!(id));
                xml(&format!("{operation}Response"), &Value::Object(fields))
            }
            Protocol::Query(namespace) => {
                let mut fields = fields(json!({}), namespace);
                fields.insert(format!("{operation}Result"), answer);
                fields.insert("ResponseMetadata".to_owned(), json!({"RequestId": id}));
                xml(&format!("{operation}Response"), &Value::Object(fields))
            }
            Protocol::RestXml(namespace) => {
                let answer = if answer.is_object() { Value::Object(fields(answer, namespace)) } else { answer };
                xml(call.operation.root, &answer)
            }
            Protocol::Json | Protocol::RestJson => answer.to_string().into_bytes(),
            Protocol::Cbor => cbor(answer),
        };
        Self::of(service, 200, body, id)
    }

    /// A refusal.
    pub(super) fn refused(service: &Service, refusal: &Refusal, id: &str) -> Self {
        let Refusal { status, code, message } = refusal;
        let error = json!({"Code": code, "Message": message});
        let body = match service.protocol {
            Protocol::Ec2 => xml("Response", &json!({"Errors": {"Error": error}, "RequestID": id})),
            Protocol::RestXml(_) if std::ptr::eq(service.names, &raw const action::S3) => {
                xml("Error", &json!({"Code": code, "Message": message, "RequestId": id}))
            }
            Protocol::Query(_) | Protocol::RestXml(_) => {
                xml("ErrorResponse", &json!({"Error": error, "RequestId": id}))
            }
            Protocol::Json | Protocol::RestJson => json!({"__type": code, "message": message}).to_string().into_bytes(),
            Protocol::Cbor => cbor(json!({"__type": code, "message": message})),
        };
        let mut reply = Self::of(service, *status, body, id);
        if matches!(service.protocol, Protocol::Json | Protocol::RestJson) {
            reply.headers.push(("x-amzn-errortype", (*code).to_owned()));
        }
        reply
    }

    fn of(service: &Service, status: u16, body: Vec<u8>, id: &str) -> Self {
        let mut headers =
            vec![(CONTENT_TYPE.as_str(), service.content_type().to_owned()), ("x-amzn-requestid", id.to_owned())];
        if service.protocol == Protocol::Cbor {
            headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
        }
        Self { status, headers, body }
    }

    /// The reply over HTTP, with another body where a fault has one.
    pub(super) fn into_response(self, body: Option<Body>) -> Response {
        let mut response = Response::new(body.unwrap_or_else(|| Body::from(self.body)));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// The fields of an answer, beside its namespace.
fn fields(answer: Value, namespace: &str) -> Map<String, Value> {
    let mut fields = match answer {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert("@xmlns".to_owned(), json!(namespace));
    fields
}

/// A value as XML: a list repeats its element, `null` has none.
fn xml(root: &str, value: &Value) -> Vec<u8> {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    match quick_xml::se::to_string_with_root(root, &without_nulls(value)) {
        Ok(body) => text.push_str(&body),
        Err(error) => tracing::error!(error = %error, "the simulator cannot write {root}"),
    }
    text.into_bytes()
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, it)| !it.is_null());
            Value::Object(kept.map(|(name, it)| (name.clone(), without_nulls(it))).collect())
        }
        Value::Array(list) => list.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// The key of a time in a value that becomes CBOR, where it has a form of its own.
pub(super) const TIME: &str = "$time";

fn cbor(value: Value) -> Vec<u8> {
    let mut body = Vec::new();
    if let Err(error) = ciborium::into_writer(&to_cbor(value), &mut body) {
        tracing::error!(error = %error, "the simulator cannot write CBOR");
    }
    body
}

fn to_cbor(value: Value) -> ciborium::Value {
    use ciborium::Value as Cbor;
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Cbor::Integer(number.into()),
            None => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cbor::Text(text),
        Value::Array(list) => Cbor::Array(list.into_iter().map(to_cbor).collect()),
        Value::Object(mut fields) => match fields.remove(TIME) {
            Some(seconds) => Cbor::Tag(1, Box::new(to_cbor(seconds))),
            None => Cbor::Map(fields.into_iter().map(|(name, it)| (Cbor::Text(name), to_cbor(it))).collect()),
        },
    }
}
