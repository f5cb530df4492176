//! One request as AWS would understand it: which service and operation, from whom, with which parameters.

use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    answer::{Denial, Protocol, Refusal},
    services::{Operation, Service},
    signature::Signature,
};

/// One request, read.
pub(super) struct Call {
    pub(super) service: &'static Service,
    pub(super) operation: &'static Operation,
    /// The region it was signed for.
    pub(super) region: String,
    /// The account of the credentials.
    pub(super) account: String,
    /// Parameters by their names on the wire; in a form `Owner.1`, `Owner.2`, ...
    pub(super) input: Value,
}

impl Call {
    /// The IAM name, `ec2:DescribeVolumes`.
    pub(super) fn action(&self) -> String {
        format!("{}:{}", self.service.names.iam, self.operation.name)
    }

    /// A parameter that is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.input.get(name).and_then(Value::as_str).filter(|it| !it.is_empty())
    }

    /// A parameter that is a number, written as such or as text.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        let value = self.input.get(name)?;
        let number = value.as_u64().or_else(|| value.as_str().and_then(|it| it.parse().ok()));
        number.and_then(|it| usize::try_from(it).ok())
    }

    /// A refusal that names what is wrong with the parameters.
    pub(super) fn invalid(&self, text: impl Into<String>) -> Refusal {
        self.service.refusal(Denial::Invalid(text.into()))
    }
}

/// What is known of a request before anybody looks into it.
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|it| it.to_str().ok())
    }
}

/// Finds the operation and reads the parameters.
pub(super) fn read(service: &'static Service, signature: &Signature<'_>, it: &Received) -> Result<Call, Refusal> {
    let (name, input) = match service.protocol {
        Protocol::Ec2 | Protocol::Query(_) => form(it),
        Protocol::Json => json_body(service, it)?,
        Protocol::Cbor => cbor_body(service, it)?,
        Protocol::RestJson | Protocol::RestXml(_) => rest(service, it)?,
    };
    let unknown = || service.refusal(Denial::UnknownOperation(name.clone()));
    let operation = service.operations.iter().find(|it| it.name == name).ok_or_else(unknown)?;
    Ok(Call { service, operation, region: signature.region.to_owned(), account: String::new(), input })
}

/// Parameters of a form, in the body or in the URL.
fn form(it: &Received) -> (String, Value) {
    let query = it.uri.query().unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(&it.body));
    let input: Map<String, Value> = pairs.map(|(name, value)| (name.into_owned(), json!(value))).collect();
    let name = input.get("Action").and_then(Value::as_str).unwrap_or_default().to_owned();
    (name, Value::Object(input))
}

fn json_body(service: &Service, it: &Received) -> Result<(String, Value), Refusal> {
    let target = it.header("x-amz-target").unwrap_or_default();
    let name = target.rsplit('.').next().unwrap_or_default().to_owned();
    Ok((name, parsed(service, &it.body)?))
}

fn parsed(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|_| service.refusal(Denial::Unreadable))
}

fn cbor_body(service: &Service, it: &Received) -> Result<(String, Value), Refusal> {
    let name = it.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let value: ciborium::Value =
        ciborium::from_reader(it.body.as_ref()).map_err(|_| service.refusal(Denial::Unreadable))?;
    Ok((name, from_cbor(value)))
}

/// CBOR as JSON. A time becomes its number of seconds.
fn from_cbor(value: ciborium::Value) -> Value {
    use ciborium::Value as Cbor;
    match value {
        Cbor::Integer(number) => json!(i64::try_from(i128::from(number)).unwrap_or_default()),
        Cbor::Float(number) => json!(number),
        Cbor::Text(text) => json!(text),
        Cbor::Bool(flag) => json!(flag),
        Cbor::Array(list) => list.into_iter().map(from_cbor).collect(),
        Cbor::Map(pairs) => {
            let named = |(name, value): (Cbor, Cbor)| Some((name.into_text().ok()?, from_cbor(value)));
            Value::Object(pairs.into_iter().filter_map(named).collect())
        }
        Cbor::Tag(_, inner) => from_cbor(*inner),
        _ => Value::Null,
    }
}

/// The operation of a REST request by method, path and query, as the routes of the service say.
fn rest(service: &Service, it: &Received) -> Result<(String, Value), Refusal> {
    let query = it.uri.query().unwrap_or_default();
    let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let matching = service.operations.iter().find_map(|operation| {
        let labels = operation.route?.labels(&it.method, it.uri.path(), &query)?;
        Some((operation.name, labels))
    });
    let (name, labels) = matching
        .ok_or_else(|| service.refusal(Denial::UnknownOperation(format!("{} {}", it.method, it.uri.path()))))?;
    let mut input = Map::new();
    if service.protocol == Protocol::RestJson
        && let Value::Object(body) = parsed(service, &it.body)?
    {
        input = body;
    }
    input.extend(query.into_iter().map(|(name, value)| (name, json!(value))));
    input.extend(labels.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    Ok((name.to_owned(), Value::Object(input)))
}

/// How a REST request is told from the others of its service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) method: Verb,
    /// Parts in braces are labels: `/2015-03-31/functions/{FunctionName}`.
    pub(super) path: &'static str,
    /// A parameter that must be there, `location`, or have a value, `list-type=2`; empty when none is needed.
    pub(super) query: &'static str,
}

/// The methods that reading operations use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
}

impl Route {
    fn labels(&self, method: &Method, path: &str, query: &[(String, String)]) -> Option<Vec<(&'static str, String)>> {
        let meant = match self.method {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
        };
        if *method != meant || !self.has_query(query) {
            return None;
        }
        let (mut wanted, mut given) = (parts(self.path), parts(path));
        let mut labels = Vec::new();
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return Some(labels),
                (Some(part), Some(text)) => match part.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
                    Some(label) => {
                        labels.push((label, percent_encoding::percent_decode_str(text).decode_utf8_lossy().into()));
                    }
                    None if part == text => {}
                    None => return None,
                },
                _ => return None,
            }
        }
    }

    fn has_query(&self, query: &[(String, String)]) -> bool {
        match self.query.split_once('=') {
            Some((name, value)) => query.iter().any(|it| it.0 == name && it.1 == value),
            None => self.query.is_empty() || query.iter().any(|it| it.0 == self.query),
        }
    }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|it| !it.is_empty())
}
