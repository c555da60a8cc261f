//! Keeps a listener for each party on loopback and puts one run after the other behind them.
//!
//! A thread that plays scenarios owns one [`Servers`]. Fresh sockets by the thousand would exhaust the local
//! ports, so listeners stay and the run behind them is swapped.

mod head;

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crosscheck_scenarios::Party;
use crosscheck_wire::{HeadAct, Origins, Stage};

use head::{Acted, Next};

/// The servers of all parties on ports of their own, and whatever run is on them now.
pub struct Servers {
    origins: Origins,
    keys: reqwest::Client,
    playing: Arc<Mutex<Option<Arc<Playing>>>>,
    connections: Arc<Mutex<JoinSet<()>>>,
    accepting: JoinSet<()>,
    disturbed: Arc<AtomicBool>,
}

/// The run with the server of each party, in the order of [`Party::ALL`].
struct Playing {
    stage: Arc<Stage>,
    routers: [Router; Party::ALL.len()],
}

impl Servers {
    /// Opens the listeners; must be called on the runtime that will serve them.
    ///
    /// # Errors
    /// When the system has no port on 127.0.0.1 left.
    pub async fn open() -> io::Result<Self> {
        let playing = Arc::new(Mutex::new(None));
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let mut accepting = JoinSet::new();
        let disturbed = Arc::new(AtomicBool::new(false));
        let mut origins = Party::ALL.map(|_| String::new());
        for (party, origin) in Party::ALL.into_iter().zip(&mut origins) {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            *origin = format!("http://{}", listener.local_addr()?);
            let shared = (Arc::clone(&playing), Arc::clone(&connections), Arc::clone(&disturbed));
            accepting.spawn(accept(party, listener, shared));
        }
        Ok(Self {
            origins: Origins(origins),
            keys: crosscheck_mock_as::key_client(),
            playing,
            connections,
            accepting,
            disturbed,
        })
    }

    /// Where the servers listen.
    pub fn origins(&self) -> Origins {
        self.origins.clone()
    }

    /// Whether somebody connected while no run was on: a process that outlived its run, and would go on to
    /// disturb others.
    pub fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Relaxed)
    }

    /// Puts a run behind the listeners.
    pub fn play(&self, stage: &Arc<Stage>) {
        let routers = Party::ALL.map(|origin| {
            let (party, stage) = (stage.party_at(origin), Arc::clone(stage));
            match party {
                Party::Idp => crosscheck_mock_idp::router(stage),
                Party::As | Party::As2 => {
                    crosscheck_mock_as::authorization_server(stage, party, self.keys.clone())
                }
                Party::Mcp | Party::Mcp2 => crosscheck_mock_as::mcp_server(stage, party),
                Party::Trap => crosscheck_mock_as::trap(stage),
            }
        });
        *lock(&self.playing) = Some(Arc::new(Playing { stage: Arc::clone(stage), routers }));
    }

    /// Takes the run away and ends its connections, so that nothing of it reaches the next one.
    pub async fn clear(&self) {
        *lock(&self.playing) = None;
        let mut connections = std::mem::take(&mut *lock(&self.connections));
        connections.shutdown().await;
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.accepting.abort_all();
    }
}

type Shared = (Arc<Mutex<Option<Arc<Playing>>>>, Arc<Mutex<JoinSet<()>>>, Arc<AtomicBool>);

async fn accept(origin: Party, listener: TcpListener, (playing, connections, disturbed): Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // The peer's failure, or a moment without file descriptors; neither ends the listener.
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let now = lock(&playing).clone();
        let Some(run) = now else {
            disturbed.store(true, Ordering::Relaxed);
            continue;
        };
        let mut connections = lock(&connections);
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(origin, stream, run));
    }
}

/// How long a listener waits after a failure.
const RETRY: Duration = Duration::from_millis(5);

async fn serve(origin: Party, stream: TcpStream, run: Arc<Playing>) {
    let router = run.routers[origin as usize].clone();
    let next = Next::default();
    let acts = next.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (router, acts) = (router.clone(), acts.clone());
        async move {
            let mut response = router.oneshot(request.map(Body::new)).await?;
            acts.set(response.extensions_mut().remove::<HeadAct>());
            Ok::<_, Infallible>(response)
        }
    });
    let _ = stream.set_nodelay(true);
    // A client may end its sending side and still want the answer.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(true)
        .serve_connection(TokioIo::new(Acted::new(stream, next)), service);
    if let Err(error) = connection.await
        && (error.is_parse() || error.is_parse_too_large())
    {
        run.stage.recorder.malformed(run.stage.party_at(origin), error.to_string());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
