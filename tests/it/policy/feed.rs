//! Policies in the feed, over a broker, as the authority sends them.

use std::net::{Ipv4Addr, SocketAddr};

use firmware_sim::broker::Broker;
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use super::*;

/// The authority's side of a broker.
struct Authority {
    client: Client,
    answers: std::sync::mpsc::Receiver<Value>,
}

impl Authority {
    fn at(address: SocketAddr) -> Self {
        let mut options = MqttOptions::new("authority", address.ip().to_string(), address.port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 16);
        client
            .subscribe("lanegate/dev/#", QoS::AtLeastOnce)
            .unwrap();
        let (to, answers) = std::sync::mpsc::sync_channel(64);
        std::thread::spawn(move || {
            for event in connection.iter() {
                let Ok(Event::Incoming(Packet::Publish(message))) = event else {
                    if event.is_err() {
                        return;
                    }
                    continue;
                };
                let read: Result<Value, _> = serde_json::from_slice(&message.payload);
                if let Ok(answer) = read
                    && answer.get("applied").is_some()
                    && to.send(answer).is_err()
                {
                    return;
                }
            }
        });
        Self { client, answers }
    }

    /// Sends one batch; the answer to it.
    fn sends(&self, seq: u64, items: &Value) -> Value {
        let batch = json!({"epoch": 1, "seq": seq, "items": items}).to_string();
        let topic = "lanegate/dev/feed";
        self.client
            .publish(topic, QoS::AtLeastOnce, false, batch)
            .unwrap();
        loop {
            let answer = self.answers.recv_timeout(WITHIN).expect("an answer comes");
            if answer["seq"] == seq {
                return answer;
            }
        }
    }
}

#[test]
fn a_policy_of_the_feed_is_in_force_and_a_faulty_one_is_unusable_and_changes_nothing() {
    let broker = Broker::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let site = Site::new();
    let port = format!("host = \"127.0.0.1\"\nport = {}", broker.addr().port());
    site.edit("lane.toml", "host = \"127.0.0.1\"", &port);
    let daemon = Daemon::start_in(site);
    let authority = Authority::at(broker.addr());
    daemon.until("connected", |d| {
        d.log().contains("connected to the authority's broker")
    });

    let item = |version: &str, text: &str| json!({"policy": {"version": version, "toml": text}});
    let good = edited("fed", &[]);
    let answer = authority.sends(1, &json!([item("fed", &good)]));
    assert_eq!(
        (&answer["applied"], &answer["unusable"]),
        (&json!(true), &json!([]))
    );
    daemon.until("fed", |d| d.version() == "fed");
    assert_eq!(daemon.state()["policy"]["source"], "feed");

    let faulty = edited(
        "bad",
        &[("permille = 50", "permille = 5000"), ("i = 15", "i = 0")],
    );
    let items = json!([item("bad", &faulty), item("other", &edited("v9", &[]))]);
    let answer = authority.sends(2, &items);
    assert_eq!(answer["applied"], true);
    let paths: Vec<_> = answer["unusable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths.len(), 3, "{answer}");
    assert!(paths[0].starts_with("items[0].policy.toml:"), "{answer}");
    assert!(
        paths[0].ends_with(":class[0].weight.over.permille"),
        "{answer}"
    );
    assert_eq!(paths[2], "items[1].policy.version");
    assert_eq!(daemon.version(), "fed");

    let rollback = [&["rollback"][..], &BY].concat();
    daemon.policy(&rollback).ends(0).says(SHIPPED);
    assert_eq!(daemon.version(), SHIPPED);
    let sources: Vec<_> = records(&daemon.site)
        .iter()
        .map(|r| r["body"]["source"].clone())
        .collect();
    assert_eq!(sources, ["start", "feed", "rollback"]);
    drop(daemon);
    broker.stop();
}
