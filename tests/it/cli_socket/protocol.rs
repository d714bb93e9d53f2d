//! The line protocol of the socket, and the socket itself.

use super::*;

#[test]
fn what_is_no_question_is_answered_with_what_is_wrong() {
    let server = Server::start();
    let ill = [
        ("hello", 64, "JSON"),
        ("{\"op\":\"dance\"}", 64, "dance"),
        ("{\"op\":\"status\",\"colour\":1}", 65, "colour"),
        ("{\"op\":\"declarations-show\"}", 64, "id"),
        ("{\"op\":\"declarations-show\",\"id\":\"a b\"}", 65, "id"),
        (
            "{\"op\":\"lane-order\",\"order\":{\"id\":1}}",
            65,
            "order.id",
        ),
        (
            "{\"op\":\"declarations-import\",\"declarations\":[{\"id\":5}]}",
            65,
            "declarations[0]: id",
        ),
    ];
    for (line, exit, said) in ill {
        let answer = server.say(line);
        assert_eq!(
            (&answer["ok"], &answer["exit"]),
            (&json!(false), &json!(exit)),
            "{answer}"
        );
        assert!(answer["why"].as_str().unwrap().contains(said), "{answer}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn an_import_with_faults_lists_them_all_and_reaches_nobody() {
    let server = Server::start();
    let good: Value = serde_json::from_str(&declaration("D-1", 1)).unwrap();
    let mut bad = good.clone();
    bad["version"] = json!(0);
    let mut number = good.clone();
    number["id"] = json!(7);
    let request = json!({"op": "declarations-import", "declarations": [good, bad, number]});
    let answer = server.say(&request.to_string());
    assert_eq!(answer["exit"], 65);
    let why: Vec<_> = answer["why"].as_str().unwrap().lines().collect();
    assert_eq!(why.len(), 3, "{why:?}");
    assert!(why[0].starts_with("declarations[1]: version: "), "{why:?}");
    assert!(why[1].starts_with("declarations[1]: id: "), "{why:?}");
    assert!(why[2].starts_with("declarations[2]: id: "), "{why:?}");
    assert!(server.asked().is_empty());
}

#[test]
fn several_questions_on_one_connection_are_answered_in_their_order() {
    let server = Server::start();
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    stream
        .write_all(b"{\"op\":\"declarations-count\"}\n{\"op\":\"dance\"}\n{\"op\":\"status\"}\n")
        .unwrap();
    let answers: Vec<Value> = BufReader::new(stream)
        .lines()
        .take(3)
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert_eq!(answers[0]["data"]["count"], 100);
    assert_eq!(answers[1]["ok"], false);
    assert_eq!(answers[2]["data"]["start"], 412);
}

#[test]
fn a_line_too_long_is_refused_and_one_cut_off_is_not_done() {
    let server = Server::start();
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    stream.write_all(&vec![b' '; LINE_LEN_MAX + 1]).unwrap();
    let mut answer = String::new();
    reader.read_line(&mut answer).unwrap();
    assert!(answer.contains("\"exit\":65"), "{answer}");
    assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0, "it is let go");

    let stream = UnixStream::connect(server.socket()).unwrap();
    let order = json!({"id": "o-1", "lane": "L", "kind": "keep-up", "officer": "1", "reason": "x"});
    write!(&stream, "{}", json!({"op": "lane-order", "order": order})).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer).unwrap();
    assert_eq!(answer, "");
    assert!(server.asked().is_empty());
}

#[test]
fn one_client_too_many_is_told_and_the_next_place_is_given_when_one_goes() {
    let server = Server::start();
    let clients: Vec<UnixStream> = (0..CLIENTS_MAX)
        .map(|_| {
            let mut stream = UnixStream::connect(server.socket()).unwrap();
            stream
                .write_all(b"{\"op\":\"declarations-count\"}\n")
                .unwrap();
            let mut answer = String::new();
            BufReader::new(&stream).read_line(&mut answer).unwrap();
            assert!(answer.contains("100"), "{answer}");
            stream
        })
        .collect();
    server
        .run(&["status"])
        .ends(74)
        .says("16 clients are connected already");
    drop(clients);
    // The places come free when the server sees that the clients are gone.
    let free = (0..1000).any(|_| server.run(&["status"]).code == Some(0));
    assert!(free);
}

#[test]
fn the_socket_is_for_owner_and_group_and_goes_with_the_daemon() {
    let mut server = Server::start();
    let mode = fs::metadata(server.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert!(matches!(bind(&server.socket()), Err(SocketError::InUse(_))));
    server.run(&["status"]).ends(0);
    server.stop();
    assert!(!server.socket().exists());
    server
        .run(&["status"])
        .ends(74)
        .says("no daemon listens there");
}

#[test]
fn a_socket_left_by_a_crash_is_replaced_and_anything_else_is_left_alone() {
    let site = Site::new();
    let path = site.path("lanegate.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listener = bind(&path).unwrap();
    assert_eq!(listener.path(), path);
    assert!(UnixStream::connect(&path).is_ok());
    drop(listener);
    site.write("file", "precious");
    assert!(matches!(
        bind(&site.path("file")),
        Err(SocketError::NotASocket(_))
    ));
    assert_eq!(fs::read_to_string(site.path("file")).unwrap(), "precious");
    // A directory that is not there is made.
    assert!(bind(&site.path("run/lanegate.sock")).is_ok());
}

#[test]
fn a_stale_socket_in_the_configuration_does_not_keep_the_files_from_being_read() {
    let site = Site::new();
    fs::create_dir_all(site.path("dev")).unwrap();
    drop(UnixListener::bind(site.path("dev/lanegate.sock")).unwrap());
    site.write("new.jsonl", declaration("D-1", 1));
    site.declarations(&["import", "new.jsonl"]).ends(0);
    assert_eq!(site.declarations(&["count"]).ends(0).out, "1\n");
}
