//! Cameras that are asked, played by a script of answers on a real socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use lanegate_core::lane::{Event, Role};
use lanegate_core::model::{Content, DeviceState, Reading};

use super::*;
use crate::config::{Source, TcpAddress};
use crate::device::line_bench::{LineBench, PATIENCE, device};

const PATH: &str = "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5";
const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n";
const BEAT: &str = "--b\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nHeartbeat\r\n";
/// The challenge of RFC 7616, 3.9.1, in the words most cameras use.
const DIGEST: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"Login to camera\", \
                      qop=\"auth\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"\"\r\n";

/// The camera's side of the network.
struct Camera(TcpListener);

/// One connection to it.
struct Caller {
    stream: BufReader<TcpStream>,
}

impl Camera {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn source(&self, login: Option<Login>, idle: Micros) -> PullSource {
        let address = TcpAddress {
            host: "127.0.0.1".to_owned(),
            port: self.0.local_addr().unwrap().port(),
        };
        PullSource {
            address,
            path: PATH.to_owned(),
            login,
            idle,
        }
    }

    fn driver(&self, login: Option<Login>, idle: Micros) -> LineBench {
        let source = Source::Pull(self.source(login, idle));
        LineBench::start(device("cam-1", Role::Camera, "dahua", source))
    }

    fn caller(&self) -> Caller {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Caller {
            stream: BufReader::new(stream),
        }
    }

    /// Nobody has called since.
    fn is_alone(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let alone = self.0.accept().is_err();
        self.0.set_nonblocking(false).unwrap();
        alone
    }
}

impl Caller {
    /// The lines of its question.
    fn asks(&mut self) -> Vec<String> {
        let lines = self.stream.by_ref().lines().map(Result::unwrap);
        lines.take_while(|line| !line.is_empty()).collect()
    }

    fn says(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn is_gone(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 16]), Ok(0))
    }
}

/// Somebody with a password in a file of its own.
fn login(test: &str) -> Login {
    let id = std::process::id();
    let password_file: PathBuf = std::env::temp_dir().join(format!("lanegate-pulled-{test}-{id}"));
    std::fs::write(&password_file, "Circle of Life\n").unwrap();
    Login {
        username: "Mufasa".to_owned(),
        password_file,
    }
}

fn authorization(question: &[String]) -> Option<&str> {
    let header = |line: &'_ str| line.to_lowercase().starts_with("authorization:");
    question
        .iter()
        .map(String::as_str)
        .find(|line| header(line))
}

const LONG: Micros = Micros::from_s(60);

#[tokio::test]
async fn a_stream_is_read_part_by_part_and_asked_for_again_when_it_ends() {
    let camera = Camera::new();
    let mut b = camera.driver(None, LONG);
    for opens in 1..=2 {
        let mut caller = camera.caller();
        assert_eq!(caller.asks()[0], format!("GET {PATH} HTTP/1.1"));
        caller.says(&format!("{STREAM}\r\n{BEAT}"));
        assert!(matches!(b.event().await, Event::DeviceBack(_)));
        caller.says(
            "--b\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n\
             Code=TrafficJunction;action=Pulse;index=0;data={\n \"TrafficCar\" : { \"PlateNumber\" : ",
        );
        // A network that stands still in the middle of a part cuts nothing.
        tokio::time::sleep(Duration::from_millis(300)).await;
        caller
            .says("\"FZB12345\" },\n \"Object\" : { \"Confidence\" : 247 }, \"GroupID\" : 7 }\r\n");
        // Nothing more has to come: it ends as an event does.
        let Event::Reading(Reading {
            content: Content::Plates(plates),
            ..
        }) = b.event().await
        else {
            panic!("a plate is read");
        };
        assert_eq!(plates.reads[0].text, "FZB12345");
        caller.says(BEAT);
        let seen = b.seen(|s| s.counts.frames == 3 * opens).await;
        assert_eq!((seen.counts.opens, seen.counts.noise_runs), (opens, 0));
        drop(caller);
        assert!(matches!(b.event().await, Event::DeviceLost(_)));
        assert_eq!(b.seen(|s| s.why.is_some()).await.why, Some(Why::Closed));
    }
    b.end().await;
}

/// A body in chunks, as most firmware sends it.
#[tokio::test]
async fn a_stream_in_chunks_is_put_together() {
    let camera = Camera::new();
    let mut b = camera.driver(None, LONG);
    let mut caller = camera.caller();
    caller.asks();
    caller.says(&format!("{STREAM}Transfer-Encoding: chunked\r\n\r\n"));
    for half in [&BEAT[..11], &BEAT[11..]] {
        caller.says(&format!("{:x}\r\n{half}\r\n", half.len()));
    }
    let seen = b.seen(|s| s.counts.frames == 1).await;
    assert_eq!((seen.state, seen.counts.noise_runs), (DeviceState::Ok, 0));
    b.end().await;
}

/// Digest (RFC 7616) over the connection that was refused, or over a new one if
/// the camera ends it.
#[tokio::test]
async fn a_challenge_is_answered_on_either_connection() {
    for (ends, body) in [
        (false, "Content-Length: 2\r\n\r\nno"),
        (true, "Connection: close\r\n\r\nno"),
        // Ends it without a word.
        (true, "Content-Length: 2\r\n\r\nno"),
    ] {
        let camera = Camera::new();
        let who = login(if ends { "ends" } else { "stays" });
        let b = camera.driver(Some(who), LONG);
        let mut caller = camera.caller();
        assert_eq!(authorization(&caller.asks()), None);
        caller.says(&format!("{DIGEST}{body}"));
        if ends {
            drop(caller);
            caller = camera.caller();
        }
        let question = caller.asks();
        let answer = authorization(&question).unwrap();
        for part in [
            "Digest ",
            "username=\"Mufasa\"",
            &format!("uri=\"{PATH}\""),
            "qop=auth",
        ] {
            assert!(answer.contains(part), "{answer}");
        }
        assert!(!question.concat().contains("Circle of Life"));
        caller.says(&format!("{STREAM}\r\n{BEAT}"));
        let mut b = b;
        b.seen(|s| s.state == DeviceState::Ok).await;
        b.end().await;
    }
}

/// Cameras shut out who fails often: a wrong password is not tried every second.
#[tokio::test]
async fn a_wrong_password_is_told_and_not_tried_again_at_once() {
    let camera = Camera::new();
    let mut b = camera.driver(Some(login("wrong")), LONG);
    let mut caller = camera.caller();
    for _ in 0..2 {
        caller.asks();
        caller.says(&format!("{DIGEST}Content-Length: 0\r\n\r\n"));
    }
    let seen = b.seen(|s| s.why.is_some()).await;
    let why = seen.why.unwrap();
    assert!(
        why.to_string().contains("check username and password_file"),
        "{why}"
    );
    assert_eq!(why.rest(), Micros::from_s(300));
    assert!(caller.is_gone());
    // Any other fault is tried again within 0.7 s.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(camera.is_alone());
    b.end().await;
}

#[tokio::test]
async fn what_is_no_stream_is_told_in_words() {
    let answers = [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "404 Not Found",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            "403 Forbidden",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "no answer by HTTP"),
        (DIGEST, "it asks who we are"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>",
            "text/html",
        ),
    ];
    for (answer, told) in answers {
        let camera = Camera::new();
        let source = camera.source(None, LONG);
        let script = std::thread::spawn(move || {
            let mut caller = camera.caller();
            caller.asks();
            caller.says(answer);
            if answer == DIGEST {
                caller.says("Content-Length: 0\r\n\r\n");
            }
        });
        let why = Port::open(&source).await.err().unwrap().to_string();
        script.join().unwrap();
        let (path, query) = PATH.split_once('?').unwrap();
        assert!(why.contains(told) && why.contains(path), "{why}");
        assert!(!why.contains(query), "a query may have a password: {why}");
    }
}

/// The connection stays, and nothing comes any more: seen on real cameras after
/// hours.
#[tokio::test]
async fn a_stream_that_falls_silent_is_asked_for_anew() {
    let camera = Camera::new();
    let mut b = camera.driver(None, Micros::from_ms(400));
    let mut caller = camera.caller();
    caller.asks();
    caller.says(&format!("{STREAM}\r\n{BEAT}"));
    assert!(matches!(b.event().await, Event::DeviceBack(_)));
    assert!(caller.is_gone());
    assert_eq!(b.seen(|s| s.why.is_some()).await.why, Some(Why::Idle));
    camera.caller().asks();
    b.end().await;
}
