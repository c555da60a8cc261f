//! Notices that the user ends the run, so that every client's process group is ended before we are.

use std::io;
use std::thread;

use tokio::sync::watch;

/// Turns true on Ctrl-C, on Unix on SIGTERM and SIGHUP too. Signals are caught from when this returns.
///
/// # Errors
/// When the system gives no runtime or no signal handler.
pub fn listen() -> io::Result<watch::Receiver<bool>> {
    let (tell, told) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked_to_end = {
        let _guard = runtime.enter();
        signals()?
    };
    thread::spawn(move || {
        runtime.block_on(asked_to_end);
        let _ = tell.send(true);
        // The sender lives on, so that receivers keep what it said.
        runtime.block_on(std::future::pending::<()>());
    });
    Ok(told)
}

#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

#[cfg(windows)]
fn signals() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
