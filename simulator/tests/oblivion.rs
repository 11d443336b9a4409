//! A world that forgets what is long over does the same as one that remembers everything, and does not grow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use gca_region::fault::FaultOrder;
use gca_region::region::{Region, RegionConfig, Request, SocketInput};
use gca_region::time::Time;
use gca_region::world::{World, WorldConfig};
use serde_json::{Value, json};

fn busy() -> World {
    World::new(WorldConfig {
        users: 30,
        queues: 3,
        calls_per_minute: 90.0,
        minutes_per_presence: 6.0,
        ..WorldConfig::default()
    })
}

/// Runs a world to a time and tells what it showed and marked as sent.
fn run(world: &mut World, end: Time) -> Vec<String> {
    let mut transcript = Vec::new();
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        while let Some(shown) = world.poll_shown() {
            world.mark_sent(&shown.acts, &shown.topic, 0);
            transcript.push(format!(
                "{} {} {:?} {}",
                shown.at, shown.topic, shown.acts, shown.body
            ));
        }
    }
    world.handle_timeout(end);
    transcript
}

#[test]
fn forgetting_changes_nothing_but_what_is_remembered() {
    let (mut remembers, mut forgets) = (busy(), busy());
    let mut most = (0, 0);
    for _ in 0..24 {
        let end = Time(remembers.now().0 + 5_000);
        let (one, other) = (run(&mut remembers, end), run(&mut forgets, end));
        assert!(one == other, "the two go apart before {end}");
        forgets.forget(Time(end.0 - 10_000));
        let (acts, conversations) = (forgets.truth().acts.len(), forgets.conversations().len());
        most = (most.0.max(acts), most.1.max(conversations));
    }
    let all: BTreeMap<u64, Value> = (remembers.truth().acts.iter())
        .map(|act| (act.act, json!(act)))
        .collect();
    assert!(most.0 * 3 < all.len() && most.1 * 3 < remembers.conversations().len());

    // What is kept is what it was, under its number; what is lost is over for good.
    let before = Time(forgets.now().0 - 10_000);
    let kept: BTreeMap<u64, Value> = (forgets.truth().acts.iter())
        .map(|act| (act.act, json!(act)))
        .collect();
    assert!(!kept.contains_key(&0) && kept.len() == forgets.truth().acts.len());
    for (number, act) in &kept {
        assert_eq!(Some(act), all.get(number));
    }
    let mut lost = 0;
    for conversation in remembers.conversations() {
        let id = conversation.id.to_string();
        let own = all.values().filter(|act| act["conversation"] == id);
        let last = own.filter_map(|act| act["time"].as_str()).max();
        if let Some(answer) = forgets.conversation(&id) {
            assert_eq!(Some(answer), remembers.conversation(&id));
            assert_eq!(
                forgets.call_conversation(&id),
                remembers.call_conversation(&id)
            );
            assert_eq!(
                forgets.conversation_details(&id),
                remembers.conversation_details(&id)
            );
        } else {
            lost += 1;
            assert!(forgets.call_conversation(&id).is_none());
            assert!(forgets.conversation_details(&id).is_none());
            assert!(conversation.ended.is_some());
            assert!(last.expect("it has acts") < &*before.iso());
        }
    }
    assert_eq!(
        lost + forgets.conversations().len(),
        remembers.conversations().len()
    );
    for act in all.values() {
        let recent = act["time"].as_str().expect("an act has a time") >= &*before.iso();
        assert!(!recent || kept.contains_key(&act["act"].as_u64().expect("a number")));
    }
    // The sums are of everything.
    let sums = |world: &World| {
        let truth = world.truth();
        (
            truth.conversations,
            truth.legs,
            truth.scripts_played.clone(),
        )
    };
    assert_eq!(sums(&remembers), sums(&forgets));
}

#[test]
fn nobody_is_forgotten_who_still_speaks_or_works() {
    let mut world = busy();
    let mut worked = 0;
    for _ in 0..120 {
        let end = Time(world.now().0 + 200);
        run(&mut world, end);
        let open: Vec<String> = (world.conversations().iter())
            .filter(|one| one.is_open() || one.participants.iter().any(|party| party.works()))
            .map(|one| one.id.to_string())
            .collect();
        let works =
            |id: &&String| world.conversation_details(id).unwrap()["conversationEnd"].is_string();
        worked += open.iter().filter(works).count();
        world.forget(Time(end.0 + 1));
        for id in open {
            assert!(world.conversation(&id).is_some());
        }
    }
    assert!(worked > 10, "the test is not hard enough: {worked}");
}

#[test]
fn a_region_forgets_as_its_world_does() {
    let mut region = Region::new(RegionConfig::new(WorldConfig {
        calls_per_minute: 0.0,
        minutes_per_presence: 0.0,
        ..WorldConfig::default()
    }));
    let start = region.world().now();
    let id = region.play("held", start).expect("it is known").to_string();
    let later = Time(start.0 + 3_600_000);
    region.handle_timeout(later);
    region.forget(start);
    assert!(region.world().conversation(&id).is_some());
    region.forget(later);
    assert!(region.world().conversation(&id).is_none());
    let truth = region.truth();
    assert_eq!(
        (&truth["acts"], &truth["conversations"]),
        (&json!([]), &json!(1))
    );
}

/// A client that renews everything every four minutes, as tokens of 300 s make it do.
struct Client {
    authorization: String,
    socket: Option<gca_region::channel::SocketId>,
}

impl Client {
    fn renew(&mut self, region: &mut Region, now: Time) {
        let mut ask = Request::new("POST", "/oauth/token");
        ask.authorization = Some(self.authorization.clone());
        ask.content_type = Some("application/x-www-form-urlencoded".to_owned());
        ask.body = b"grant_type=client_credentials".to_vec();
        let token = region.handle_request(&ask, now).value();
        let Some(token) = token["access_token"].as_str() else {
            return;
        };
        let made = Request::new("POST", "/api/v2/notifications/channels").bearer(token);
        let made = region.handle_request(&made, now).value();
        let Some(id) = made["id"].as_str() else {
            return;
        };
        let topics: Vec<Value> = (region.world().inventory().users.iter())
            .map(|user| json!({ "id": format!("v2.users.{}?presence&conversations", user.id) }))
            .collect();
        let path = format!("/api/v2/notifications/channels/{id}/subscriptions");
        let ask = Request::new("POST", &path)
            .bearer(token)
            .json(&json!(topics));
        region.handle_request(&ask, now);
        let next = region.open_socket(&format!("/channels/{id}"), now).ok();
        if let Some(last) = std::mem::replace(&mut self.socket, next) {
            region.handle_socket(last, SocketInput::Closed, now);
        }
    }
}

/// Six days of renewals, calls and faults leave nothing behind that three have not left.
#[test]
fn a_region_does_not_grow_with_its_days() {
    use base64::Engine as _;
    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    let mut config = RegionConfig::new(WorldConfig {
        users: 12,
        queues: 2,
        calls_per_minute: 0.2,
        pace: 1.0,
        ..WorldConfig::default()
    });
    config.switches.token_life_s = 300;
    let mut region = Region::new(config);
    let client = region.clients()[0].clone();
    let pair = format!("{}:{}", client.id, client.secret);
    let pair = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut client = Client {
        authorization: format!("Basic {pair}"),
        socket: None,
    };
    let start = region.world().now();
    let faults = [
        r#"{"fault":"black_hole","requests":true,"for_s":30}"#,
        r#"{"fault":"rival_channels","every_s":2,"for_s":120}"#,
        r#"{"fault":"second_socket","every_s":20,"for_s":60}"#,
        r#"{"fault":"reorder","min_ms":10,"max_ms":3000,"for_s":300}"#,
        r#"{"fault":"cut_sockets"}"#,
        r#"{"fault":"expire_channels"}"#,
        r#"{"fault":"revoke_token"}"#,
    ];
    // How much there is to tell of it: everything that it keeps.
    let size = |region: &Region| format!("{region:?}").len();
    let mut sizes = Vec::new();
    for step in 0..6 * DAY / (4 * MINUTE) {
        let now = Time(start.0 + step * 4 * MINUTE);
        region.handle_timeout(now);
        client.renew(&mut region, now);
        if step % 15 == 0 {
            let next = faults[usize::try_from(step / 15).unwrap() % faults.len()];
            let order = FaultOrder::from_json(serde_json::from_str(next).unwrap()).unwrap();
            region.plan_fault(order, now);
            region.forget(Time(now.0 - 6 * 60 * MINUTE));
        }
        while region.poll_transmit().is_some() {}
        if step > 0 && step % (DAY / (4 * MINUTE)) == 0 {
            sizes.push(size(&region));
        }
    }
    let (first, second) = sizes.split_at(sizes.len() / 2);
    let most = |sizes: &[usize]| sizes.iter().max().copied().unwrap();
    assert!(region.world().truth().conversations > 1_300);
    assert!(
        most(second) * 100 < most(first) * 115,
        "it grows: {sizes:?}"
    );
}
