//! Who asks, over MCP: stdio and Streamable HTTP. The only home of axum and rmcp.

pub(crate) mod doctor;
pub(crate) mod reply;
pub(crate) mod tools;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use rmcp::{
    ServiceExt,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::tools::Server;

/// How long calls in flight may go on after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot listen on {0}: {1}; choose another with --host and --port")]
    Listen(SocketAddr, std::io::Error),
    #[error("the server failed: {0}")]
    Serve(std::io::Error),
    #[error("the MCP session failed: {0}")]
    Session(String),
}

/// Serves MCP over stdin and stdout until the client closes them or `stop` fires.
pub(crate) async fn stdio(server: Server, stop: CancellationToken) -> Result<(), ServeError> {
    let running = match server.serve_with_ct(rmcp::transport::stdio(), stop).await {
        Ok(running) => running,
        // A client that goes away before it says hello is no failure.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ServeError::Session(error.to_string())),
    };
    running.waiting().await.map(|_| ()).map_err(|it| ServeError::Session(it.to_string()))
}

/// Takes the address to serve on.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|it| ServeError::Listen(address, it))
}

/// Serves MCP over Streamable HTTP at `/mcp` until `stop` fires, then lets calls in flight end.
pub(crate) async fn http(
    server: Server,
    listener: TcpListener,
    bearer: Option<String>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let bound = listener.local_addr().map_err(ServeError::Serve)?;
    let cut = CancellationToken::new();
    let router = router(server, bound, bearer, cut.child_token());
    // An answer goes out in several small parts; none may wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(error = %error, "the connection keeps waiting for full packets");
        }
    });
    tracing::info!(server.address = %bound, "serving MCP at http://{bound}/mcp");
    let stopped = stop.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { stopped.cancelled().await });
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
        cut.cancel();
    };
    tokio::select! {
        ended = serving.into_future() => ended.map_err(ServeError::Serve),
        () = drained => Ok(()),
    }
}

fn router(server: Server, bound: SocketAddr, bearer: Option<String>, cut: CancellationToken) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_cancellation_token(cut)
        .enforce_origin_validation();
    // On loopback a foreign Host header means DNS rebinding; elsewhere the name under which a platform calls is unknown.
    let config = if bound.ip().is_loopback() { config } else { config.disable_allowed_hosts() };
    let mcp = StreamableHttpService::new(move || Ok(server.clone()), Arc::new(NeverSessionManager::default()), config);
    let mut router = Router::new().nest_service("/mcp", mcp);
    if let Some(token) = bearer {
        router = router.layer(middleware::from_fn_with_state(Arc::<str>::from(token), authorized));
    }
    router
        .route(
            "/health",
            get(async || Json(json!({"status": "healthy", "server": "orgscan", "version": env!("CARGO_PKG_VERSION")}))),
        )
        .route("/ping", get(async || Json(json!({"status": "Healthy"}))))
}

/// Lets a request pass that carries the bearer token.
async fn authorized(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let given = given.and_then(|it| it.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if given.is_some_and(|(_, given)| same(given.trim().as_bytes(), token.as_bytes())) {
        return next.run(request).await;
    }
    let refused = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, refused, Json(json!({"error": "a bearer token is required"}))).into_response()
}

/// Compares without telling by its duration how much was right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
