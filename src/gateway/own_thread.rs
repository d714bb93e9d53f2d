//! A thread of its own for a server whose answers take long: what it does at a
//! time holds neither a lane nor the back runtime.

use std::future::Future;

use tokio::sync::oneshot;

use super::RunError;

/// Resolves, with an error nobody needs, when the thread has ended.
pub(super) type Ended = oneshot::Receiver<()>;

/// Runs what `serve` makes to its end, on a thread called `name`; `what` it is
/// stands in the error.
///
/// # Errors
/// The system gives no thread or no runtime.
pub(super) fn spawn<F: Future<Output = ()>>(
    name: &str,
    what: &'static str,
    serve: impl FnOnce() -> F + Send + 'static,
) -> Result<Ended, RunError> {
    let system = |source| RunError::System { what, source };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().map_err(system)?;
    let (running, ended) = oneshot::channel();
    let run = move || {
        let _running = running;
        runtime.block_on(serve());
    };
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(run).map_err(system)?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_has_ended_when_its_server_has() {
        let (stop, stopped) = oneshot::channel::<()>();
        let (name, named) = oneshot::channel();
        let serve = move || async move {
            let own = std::thread::current().name().map(str::to_owned);
            name.send(own).unwrap();
            stopped.await.unwrap();
        };
        let mut ended = spawn("of-its-own", "a thread", serve).unwrap();
        assert!(matches!(
            ended.try_recv(),
            Err(oneshot::error::TryRecvError::Empty)
        ));
        assert_eq!(named.await.unwrap().as_deref(), Some("of-its-own"));
        stop.send(()).unwrap();
        ended.await.unwrap_err();
    }
}
