use std::net::Ipv4Addr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Fake {
    missing: Mutex<Vec<String>>,
}

impl Fake {
    fn missing(&self, what: &[&str]) {
        *self.missing.lock().unwrap() = what.iter().map(|w| (*w).to_owned()).collect();
    }
}

impl Pages for Fake {
    fn not_alive(&self) -> Vec<String> {
        Vec::new()
    }

    fn not_ready(&self) -> Vec<String> {
        self.missing.lock().unwrap().clone()
    }

    fn metrics(&self) -> String {
        "lanegate_build_info 1\n".to_owned()
    }
}

/// A served fake: its address, itself, and what stops it.
async fn served() -> (
    SocketAddr,
    Arc<Fake>,
    oneshot::Sender<()>,
    tokio::task::JoinHandle<std::io::Result<()>>,
) {
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (address, pages) = (server.address(), Arc::new(Fake::default()));
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = server.serve(Arc::clone(&pages), async move {
        let _either = stopped.await;
    });
    (address, pages, stop, tokio::spawn(serve))
}

/// Sends `request` and reads to the end.
async fn ask(address: SocketAddr, request: &str) -> String {
    let talk = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    tokio::time::timeout(DEADLINE, talk).await.unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn readiness_becomes_false_again_and_says_what_is_missing() {
    let (address, pages, _stop, _task) = served().await;
    assert!(get(address, "/ready").await.starts_with("HTTP/1.1 200 OK"));
    pages.missing(&["lane SZB-X-01: faulted, lane-io", "cache: stale"]);
    let answer = get(address, "/ready").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\nnot ready\nlane SZB-X-01: faulted, lane-io\ncache: stale\n"),
        "{answer}"
    );
    // Alive all the while: nobody restarts it for that.
    assert!(get(address, "/live").await.ends_with("\r\n\r\nlive\n"));
    pages.missing(&[]);
    assert!(get(address, "/ready").await.ends_with("\r\n\r\nready\n"));
}

#[tokio::test]
async fn metrics_are_served_as_prometheus_wants_them() {
    let (address, _pages, _stop, _task) = served().await;
    let answer = get(address, "/metrics").await;
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(
        answer.ends_with("\r\n\r\nlanegate_build_info 1\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let (address, _pages, _stop, _task) = served().await;
    let answer = get(address, "/metrics/x").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let post = "POST /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answer = ask(address, post).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.contains("allow: GET, HEAD"), "{answer}");
    let long = format!("/{}", "x".repeat(2 * HEAD_LEN_MAX));
    let answer = get(address, &long).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait_their_turn() {
    let (address, _pages, _stop, _task) = served().await;
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Answered once, so the place is taken for certain; then kept open.
        stream
            .write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await.unwrap();
        idle.push(stream);
    }
    let waits = tokio::spawn(async move { get(address, "/live").await });
    tokio::time::timeout(Duration::from_millis(100), async {
        while !waits.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect_err("answered although every place is taken");
    idle.pop();
    let answer = tokio::time::timeout(DEADLINE, waits)
        .await
        .unwrap()
        .unwrap();
    assert!(answer.ends_with("live\n"), "{answer}");
}

#[tokio::test]
async fn stop_ends_it_and_frees_the_address() {
    let (address, _pages, stop, task) = served().await;
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0; 1];
    open.read_exact(&mut byte).await.unwrap();
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(DEADLINE, task).await.unwrap();
    ended.unwrap().unwrap();
    // The open connection was let go of.
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, open.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(rest.ends_with(b"live\n"));
    Server::bind(address).unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = Server::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let error = Server::bind(first.address()).unwrap_err();
    let said = format!("cannot listen on {} for probes", first.address());
    assert!(error.to_string().starts_with(&said), "{error}");
}
