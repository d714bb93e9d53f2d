use super::*;

fn of(queue: Queue) -> Depth {
    let all = depths();
    *all.iter().find(|depth| depth.queue == queue).unwrap()
}

/// Other tests use the real queues at the same time: rises are compared,
/// and each test here has a kind nothing else makes in this process.
#[test]
fn a_full_queue_is_counted_and_one_that_is_gone_is_forgotten() {
    let (to, mut from) = channel(Queue::LaneSays, 2);
    let before = of(Queue::LaneSays);
    to.try_send(1).unwrap();
    assert_eq!(of(Queue::LaneSays).depth, 1);
    to.clone().try_send(2).unwrap();
    assert!(to.try_send(3).is_err());
    let full = of(Queue::LaneSays);
    assert_eq!((full.depth, full.limit), (2, 2));
    assert_eq!(full.full, before.full + 1);
    assert_eq!(from.try_recv().unwrap(), 1);
    assert_eq!(of(Queue::LaneSays).depth, 1);
    drop(to);
    assert_eq!(of(Queue::LaneSays).limit, 0);
}

#[test]
fn of_several_queues_the_fullest_is_shown() {
    let (a, _a) = channel(Queue::LaneChanges, 100);
    let (b, _b) = channel(Queue::LaneChanges, 4);
    a.try_send(()).unwrap();
    a.try_send(()).unwrap();
    b.try_send(()).unwrap();
    let shown = of(Queue::LaneChanges);
    assert_eq!((shown.depth, shown.limit), (1, 4));
}

#[test]
fn a_queue_into_a_thread_is_seen_from_both_ends() {
    let (to, from) = sync_channel(Queue::StoreNotices, 1);
    to.try_send(7).unwrap();
    let before = of(Queue::StoreNotices);
    assert_eq!(before.depth, 1);
    assert!(to.try_send(8).is_err());
    assert_eq!(of(Queue::StoreNotices).full, before.full + 1);
    assert_eq!(from.recv(), Ok(7));
    assert_eq!(of(Queue::StoreNotices).depth, 0);
    drop(from);
    assert!(to.try_send(9).is_err());
    let after = of(Queue::StoreNotices);
    assert_eq!((after.depth, after.full), (0, before.full + 1));
}

#[tokio::test]
async fn whoever_waits_for_room_or_a_place_finds_it_full() {
    let (to, mut from) = channel(Queue::OrderAnswers, 1);
    to.send(1).await.unwrap();
    let before = of(Queue::OrderAnswers).full;
    let (sent, got) = tokio::join!(to.send(2), from.recv());
    sent.unwrap();
    assert_eq!(got, Some(1));
    assert_eq!(of(Queue::OrderAnswers).full, before + 1);

    let places = Places::new(Queue::SocketClients, 1);
    let place = places.try_acquire().unwrap();
    let before = of(Queue::SocketClients);
    assert_eq!(before.depth, 1);
    assert!(places.try_acquire().is_err());
    assert_eq!(of(Queue::SocketClients).full, before.full + 1);
    drop(place);
    assert!(places.acquire().await.is_ok());
}
