use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::*;

const DEADLINE: Duration = Duration::from_secs(30);
const BODY_MAX: usize = 4096;

type Taken = Arc<Mutex<Vec<(String, Bytes)>>>;

struct Served {
    address: SocketAddr,
    secret: String,
    taken: Taken,
    refused: Arc<Mutex<BTreeMap<&'static str, u32>>>,
    _stop: oneshot::Sender<()>,
}

async fn served() -> Served {
    served_within(Duration::from_secs(60)).await
}

/// A listener with one mailbox that takes two posts.
async fn served_within(within: Duration) -> Served {
    let secret = format!("test-{:020}", std::process::id());
    let taken = Taken::default();
    let kept = Arc::clone(&taken);
    let put = move |kind: &str, body: Bytes| {
        let mut kept = kept.lock().unwrap();
        let room = kept.len() < 2;
        if room {
            kept.push((kind.to_owned(), body));
        }
        room
    };
    let mailbox = Mailbox {
        path: "cam-1".to_owned(),
        secret: Secret::parse(&secret).unwrap(),
        answer: ("application/json", "{\"info\":\"no\"}"),
        put: Box::new(put),
    };
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let limits = PushLimits {
        body_max: BODY_MAX,
        head_within: within,
        body_within: within,
    };
    let refused = Arc::<Mutex<BTreeMap<_, _>>>::default();
    let counted = Arc::clone(&refused);
    let refusals: Refusals =
        Box::new(move |why| *counted.lock().unwrap().entry(why).or_default() += 1);
    let server = PushServer::bind(listen, limits, vec![mailbox], refusals);
    let server = server.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let address = server.address();
    tokio::spawn(async move {
        let stop = async move { drop(stopped.await) };
        server.serve(stop).await.unwrap();
    });
    Served {
        address,
        secret,
        taken,
        refused,
        _stop: stop,
    }
}

impl Served {
    fn refused(&self, why: &str) -> u32 {
        self.refused.lock().unwrap().get(why).copied().unwrap_or(0)
    }

    async fn ask(&self, bytes: &[u8]) -> String {
        let talk = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // What is refused early may not read all of it.
            drop(stream.write_all(bytes).await);
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            String::from_utf8(answer).unwrap()
        };
        tokio::time::timeout(DEADLINE, talk).await.unwrap()
    }

    async fn post(&self, target: &str, body: &str) -> String {
        let len = body.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n"
        );
        self.ask(format!("{head}{body}").as_bytes()).await
    }
}

#[tokio::test]
async fn a_post_with_the_secret_is_taken_and_answered_what_was_fixed_before() {
    let served = served().await;
    let target = format!("/cam-1?secret={}", served.secret);
    let answer = served.post(&target, "{\"plate\":1}").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"info\":\"no\"}"), "{answer}");
    let target = format!("/cam-1/{}", served.secret);
    assert!(served.post(&target, "2").await.starts_with("HTTP/1.1 200"));
    let full = served.post(&target, "3").await;
    assert!(full.starts_with("HTTP/1.1 503 "), "{full}");
    let taken = served.taken.lock().unwrap().clone();
    let kind = "application/json".to_owned();
    assert_eq!(
        taken,
        [
            (kind.clone(), Bytes::from("{\"plate\":1}")),
            (kind, Bytes::from("2"))
        ]
    );
    assert_eq!(served.refused("full"), 1);
}

#[tokio::test]
async fn a_wrong_secret_path_method_or_size_is_refused_and_counted() {
    let served = served().await;
    let wrong = served.post("/cam-1?secret=0000000000000000", "x").await;
    let unknown = served.post("/cam-2?secret=0000000000000000", "x").await;
    assert!(wrong.starts_with("HTTP/1.1 403 "), "{wrong}");
    // A stranger learns no names.
    let text = |answer: &str| answer.rsplit("\r\n\r\n").next().unwrap().to_owned();
    assert_eq!(text(&wrong), text(&unknown));
    let get = served.ask(b"GET /cam-1 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(get.starts_with("HTTP/1.1 405 "), "{get}");
    let target = format!("/cam-1/{}", served.secret);
    let large = served.post(&target, &"x".repeat(BODY_MAX + 1)).await;
    assert!(large.starts_with("HTTP/1.1 413 "), "{large}");
    // One that does not say how much will come is cut off as well.
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("{BODY_MAX:x}\r\n{}\r\n", "x".repeat(BODY_MAX));
    let chunked = served
        .ask(format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes())
        .await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
    for (why, times) in [("secret", 1), ("path", 1), ("method", 1), ("size", 2)] {
        assert_eq!(served.refused(why), times, "{why}");
    }
    assert!(served.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_slow_head_and_a_slow_body_are_given_up_on() {
    let served = served_within(Duration::from_millis(200)).await;
    let target = format!("/cam-1/{}", served.secret);
    for begun in [
        "POST /cam".to_owned(),
        format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"),
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer));
        drop(closed.await.unwrap());
    }
    assert_eq!(served.refused("slow"), 2);
    assert!(served.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn one_address_does_not_take_every_place() {
    let served = served().await;
    let mut idle = Vec::new();
    for _ in 0..OF_ONE_MAX {
        idle.push(TcpStream::connect(served.address).await.unwrap());
    }
    let mut more = TcpStream::connect(served.address).await.unwrap();
    let mut nothing = Vec::new();
    // Closed at once, without a word; the first ones stay.
    let closed = tokio::time::timeout(DEADLINE, more.read_to_end(&mut nothing));
    drop(closed.await.unwrap());
    assert_eq!(nothing, b"");
    assert_eq!(served.refused("full"), 1);
}
