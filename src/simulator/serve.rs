//! What happens to a request: faults, signature, limits, the operation, the answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{
    answer::{Denial, Refusal, Reply},
    call::{self, Call, Received},
    counts::Counts,
    credentials::{self, Bearer},
    fault::{Aim, Fault, Kind},
    limits::Limits,
    listen::{Fuse, Listener, Peer},
    services::{self, Service},
    signature::Signature,
    world::{World, planted::Planted, regions},
};
use crate::aws::{action, prices};

/// The most that a request may weigh, in bytes.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How long the parts of a trickling answer are apart, and how many bytes each has.
const TRICKLE: (Duration, usize) = (Duration::from_millis(200), 1);
/// How long a request hangs at most; every client has given up by then.
const HANG: Duration = Duration::from_hours(1);

/// Where requests arrive.
pub(super) struct Stand {
    pub(super) world: World,
    faults: Vec<Fault>,
    limits: Limits,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    calls: BTreeMap<String, u64>,
    throttled: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
    billed_usd: Decimal,
    open: usize,
    most_at_once: usize,
}

/// Counts a request as open for as long as it is held.
struct Open<'a>(&'a Stand);

impl<'a> Open<'a> {
    fn new(stand: &'a Stand) -> Self {
        let mut counted = stand.counted();
        counted.open += 1;
        counted.most_at_once = counted.most_at_once.max(counted.open);
        Self(stand)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counted().open -= 1;
    }
}

/// Serves until it is aborted.
pub(super) async fn serve(listener: tokio::net::TcpListener, stand: Arc<Stand>) {
    let router = Router::new()
        .route("/_simulator/counts", axum::routing::get(async |State(it): State<Arc<Stand>>| Json(it.counts())))
        .route("/_simulator/planted", axum::routing::get(planted))
        .fallback(answer)
        .with_state(stand);
    let service = router.into_make_service_with_connect_info::<Peer>();
    if let Err(error) = axum::serve(Listener(listener), service).await {
        tracing::error!(error = %error, "the simulator has stopped");
    }
}

/// What a scan of the regions in the query must find, all regions when none is named: tool, account, region, id.
async fn planted(State(stand): State<Arc<Stand>>, uri: Uri) -> Json<BTreeSet<Planted>> {
    let named = uri.query().and_then(|it| it.strip_prefix("regions="));
    let wanted: Vec<String> = match named {
        Some(named) => named.split(',').map(str::to_owned).collect(),
        None => regions().into_iter().map(str::to_owned).collect(),
    };
    Json(stand.world.planted(&wanted))
}

async fn answer(State(stand): State<Arc<Stand>>, ConnectInfo(Peer(fuse)): ConnectInfo<Peer>, it: Request) -> Response {
    let _open = Open::new(&stand);
    let (parts, body) = it.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let received = Received { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    stand.handle(&received, &fuse).await
}

/// What a request turned out to be, once it was read.
struct Read<'a> {
    call: Call,
    bearer: Bearer,
    signature: Signature<'a>,
}

impl Stand {
    pub(super) fn new(world: World, faults: Vec<Fault>) -> Self {
        Self { world, faults, limits: Limits::default(), counted: Mutex::default() }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        let peaks = self.limits.peaks();
        let it = self.counted();
        Counts {
            calls: it.calls.clone(),
            throttled: it.throttled.clone(),
            refused: it.refused.clone(),
            billed_usd: it.billed_usd,
            most_at_once: it.most_at_once,
            peaks,
        }
    }

    async fn handle(&self, received: &Received, fuse: &Fuse) -> Response {
        let id = uuid::Uuid::now_v7().to_string();
        let authorization = received.header("authorization").unwrap_or_default();
        let signature = Signature::read(authorization);
        // Who signs for no service of this world is told what STS would say.
        let service = signature.as_ref().and_then(|it| services::signed_as(it.service, &received.body));
        let (Some(signature), Some(service)) = (signature, service) else {
            let refusal = services::sts::SERVICE.refusal(Denial::Unsigned);
            return self.refuse(&services::sts::SERVICE, &refusal, &id);
        };
        match self.read(service, signature, received) {
            Ok(read) => self.respond(read, received, fuse, &id).await,
            Err(refusal) => self.refuse(service, &refusal, &id),
        }
    }

    fn read<'a>(
        &self,
        service: &'static Service,
        signature: Signature<'a>,
        received: &Received,
    ) -> Result<Read<'a>, Refusal> {
        let mut call = call::read(service, &signature, received)?;
        let bearer = credentials::bearer(&self.world, signature.access_key);
        let bearer = bearer.ok_or_else(|| service.refusal(Denial::UnknownKey))?;
        call.account.clone_from(&bearer.account);
        Ok(Read { call, bearer, signature })
    }

    async fn respond(&self, read: Read<'_>, received: &Received, fuse: &Fuse, id: &str) -> Response {
        let Read { call, bearer, signature } = read;
        *self.counted().calls.entry(call.action()).or_default() += 1;
        let (account, region) = services::aimed_at(&call);
        let aim =
            Aim { account: &account, region: &region, service: call.service.names.iam, operation: call.operation.name };
        let struck: Vec<Kind> = self.faults.iter().filter(|it| it.strikes(&aim)).map(|it| it.kind).collect();
        for kind in &struck {
            match kind {
                Kind::Latency { median, spread } => tokio::time::sleep(delay(*median, *spread)).await,
                Kind::Hang => tokio::time::sleep(HANG).await,
                Kind::Reset => fuse.blow(),
                _ => {}
            }
        }
        let answered = self.answer(&call, &bearer, &signature, received, &struck, &aim);
        match answered {
            Ok(answer) => {
                self.bill(&call);
                let reply = Reply::ok(&call, answer, id);
                let body = broken(&reply, &struck);
                reply.into_response(body)
            }
            Err(refusal) => self.refuse(call.service, &refusal, id),
        }
    }

    fn answer(
        &self,
        call: &Call,
        bearer: &Bearer,
        signature: &Signature<'_>,
        received: &Received,
        struck: &[Kind],
        aim: &Aim<'_>,
    ) -> Result<Value, Refusal> {
        let service = call.service;
        let refused = |denial| service.refusal(denial);
        let not_allowed = |reason: &str| {
            let (caller, action) = (bearer.arn(), call.action());
            refused(Denial::NotAllowed { caller, action, reason: reason.to_owned() })
        };
        let denied = struck.iter().find_map(|kind| match kind {
            Kind::ServerError => Some(refused(Denial::Failing)),
            Kind::Throttle => Some(refused(Denial::Throttled)),
            Kind::ExpiredToken if call.account != self.world.scanner().id => Some(refused(Denial::Expired)),
            Kind::ClockSkew => Some(refused(Denial::Skewed)),
            Kind::ScpDeny => Some(not_allowed("with an explicit deny in a service control policy")),
            Kind::AccessDenied => Some(not_allowed("because no identity-based policy allows the action")),
            Kind::RoleMissing if call.operation.name == "AssumeRole" => Some(not_allowed("on the role")),
            _ => None,
        });
        if let Some(refusal) = denied {
            return Err(refusal);
        }
        let now = Timestamp::now();
        bearer.check(received.header("x-amz-security-token"), now).map_err(refused)?;
        signature.verify(received, &bearer.secret, now).map_err(refused)?;
        let region = if service.is_global { super::world::HOME } else { aim.region };
        if service.is_global && signature.region != region {
            let text = format!("Credential should be scoped to a valid region: '{region}'");
            return Err(refused(Denial::WrongSignature(text)));
        }
        if !self.regions(&call.account).contains(&signature.region) {
            return Err(refused(Denial::UnknownKey));
        }
        let (limits, name) = (service.names.limits, call.operation.name);
        // A role is assumed on the account of the caller.
        let throttled =
            |operation: &'static str, cells| !self.limits.admit(limits, operation, &call.account, region, cells);
        let work = call.operation.work.map(|(kind, amount)| (kind, amount(call)));
        if throttled(name, 1) || work.is_some_and(|(kind, cells)| throttled(kind, cells)) {
            *self.counted().throttled.entry(call.action()).or_default() += 1;
            return Err(refused(Denial::Throttled));
        }
        let regions = self.regions(&call.account);
        (call.operation.answer)(&services::Context { world: &self.world, call, regions: &regions })
    }

    /// The regions that an account has enabled, as far as no fault says otherwise.
    fn regions(&self, account: &str) -> Vec<&'static str> {
        let off = |region: &str| {
            let aim = Aim { account, region, service: "", operation: "" };
            self.faults.iter().any(|it| it.kind == Kind::RegionNotEnabled && it.meets(&aim))
        };
        self.world.regions(account).into_iter().filter(|it| !off(it)).collect()
    }

    fn bill(&self, call: &Call) {
        let usd = if std::ptr::eq(call.service.names, &raw const action::COST_EXPLORER) {
            prices::cost_explorer_request()
        } else {
            let metrics = call.input.get("MetricDataQueries").and_then(Value::as_array).map_or(0, Vec::len);
            // A page that follows another asks for nothing new.
            let metrics = if call.text("NextToken").is_none() { metrics } else { 0 };
            prices::METRIC_REQUESTED.usd * Decimal::from(metrics)
        };
        self.counted().billed_usd += usd;
    }

    fn refuse(&self, service: &Service, refusal: &Refusal, id: &str) -> Response {
        *self.counted().refused.entry(refusal.code.to_owned()).or_default() += 1;
        Reply::refused(service, refusal, id).into_response(None)
    }
}

/// A time drawn from a log-normal distribution.
fn delay(median: Duration, spread: f64) -> Duration {
    // Box and Muller's way to a normal variable; the first number is never zero.
    let (a, b) = (1.0 - fastrand::f64(), fastrand::f64());
    let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    median.mul_f64((spread * normal).exp())
}

/// The body that a fault puts in the place of the answer's.
fn broken(reply: &Reply, struck: &[Kind]) -> Option<Body> {
    if struck.contains(&Kind::Malformed) {
        return Some(Body::from(reply.body[..reply.body.len() / 2].to_vec()));
    }
    struck.contains(&Kind::Trickle).then(|| {
        let (pause, size) = TRICKLE;
        let parts: Vec<Bytes> = reply.body.chunks(size).map(Bytes::copy_from_slice).collect();
        Body::from_stream(futures::stream::iter(parts).then(move |part| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::convert::Infallible>(part)
        }))
    })
}
