//! Connections: taken in while there is room, served, and let go when the server stops.

use crate::{App, Auth, Error, http};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Headers of one request.
const HEADERS_MAX: usize = 100;
/// How long a head may take to arrive, and a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The read buffer of a connection, which bounds the head, in bytes.
const BUFFER_BYTES_MAX: usize = 256 << 10;

/// Serves `app` on `listener` until [`App::stop`], then finishes the requests under way.
///
/// # Errors
/// [`Error::Listener`]; [`Error::OpenToTheNetwork`] for [`Auth::None`] on an address that others can reach.
pub async fn serve(listener: TcpListener, app: App) -> Result<(), Error> {
    let address = listener.local_addr().map_err(|source| Error::Listener { source })?;
    if matches!(app.auth(), Auth::None) && !address.ip().is_loopback() {
        return Err(Error::OpenToTheNetwork { address });
    }
    let router = http::router(&app).with_state(app.clone());
    let mut stopping = app.stopping();
    let mut connections = JoinSet::new();
    let telling = app.epcis().map(|epcis| tokio::spawn(crate::epcis::run(app.clone(), epcis.clone())));
    let notifying = app.telling().map(|telling| tokio::spawn(crate::notify::run(app.clone(), Arc::clone(telling))));
    loop {
        let gate = Arc::clone(&app.gates().connections);
        let next = async {
            let permit = gate.acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            next = next => next,
            () = stopped(&mut stopping) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let (router, stopping) = (router.clone(), app.stopping());
                connections.spawn(async move {
                    connection(stream, router, stopping).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: give some connection the time to end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(app.settings().drain_timeout, drained).await.is_err() {
        tracing::warn!("requests were still under way when the time to finish them had passed");
    }
    for task in [telling, notifying].into_iter().flatten() {
        // A panic there has been reported.
        let _ = task.await;
    }
    Ok(())
}

/// Waits until the server stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is as good as stopping when it is gone.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

async fn connection(stream: TcpStream, router: Router, mut stopping: watch::Receiver<bool>) {
    // Answers are written whole, so waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = stopped(&mut stopping) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
