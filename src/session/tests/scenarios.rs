//! One promise a test.

use std::collections::BTreeMap;
use std::time::Duration;

use super::platform::*;
use crate::model::feed::{Feed, Why};
use crate::model::gap::GapCause;
use crate::model::id::UserId;
use crate::model::order::{FailureKind, Reply, SocketEvent};
use crate::session::{Config, GapChange};

fn up(users: u32, queues: u32, seed: u64) -> World {
    let mut world = World::new(users, queues, seed);
    world.run_until(MIN * 5, World::is_up);
    world
}

#[test]
fn a_start_with_5000_users_needs_under_150_requests_and_few_seconds() {
    let mut world = World::new(5_000, 50, 1);
    let took = world.run_until(MIN * 5, World::is_up);
    assert!(world.requests.len() < 150, "{}", world.requests.len());
    assert!(took < S * 15, "{took:?}");
    assert_eq!(world.count("users"), 50);
    assert_eq!(world.count("token"), 1);
    assert_eq!((world.session.channels(), world.session.sockets()), (6, 6));
    assert_eq!(
        (
            world.session.users(),
            world.session.queues(),
            world.session.topics()
        ),
        (5_000, 50, 5_050)
    );
    world.check_up();
    let mut feeds: Vec<(Feed, Why)> = world
        .feeds
        .iter()
        .map(|(_, feed, why, _)| (*feed, *why))
        .collect();
    feeds.dedup(); // The scope may become narrower.
    assert_eq!(
        feeds,
        [
            (Feed::Down, Why::Connecting),
            (Feed::Degraded, Why::Connecting),
            (Feed::Recovering, Why::None),
            (Feed::Up, Why::None)
        ],
        "no flutter on the way"
    );

    // The stations are listed within the same number, and nobody waited for them.
    let first = world.times("stations")[0];
    let followed = world.times("subscribe");
    assert!(followed.iter().all(|&at| at < first), "{first:?}");
    world.run_until(MIN * 2, |world| world.stations_told.len() == 5_000);
    assert_eq!(world.count("stations"), 50);
    assert!(world.requests.len() < 150, "{}", world.requests.len());
}

#[test]
fn stations_are_listed_again_when_one_is_unknown_but_not_more_often_than_the_roster() {
    let mut world = up(10, 1, 1);
    world.run_for(MIN);
    assert_eq!(
        (world.count("stations"), world.stations_told.len()),
        (1, 10)
    );
    world.run_for(HOUR);
    assert_eq!(world.count("stations"), 1, "no station is unknown");
    world.stations = 150;
    for _ in 0..20 {
        world.session.handle_unknown_station(at(world.now));
        world.run_for(S);
    }
    assert_eq!(world.stations_told.len(), 10 + 150);
    // Named while the list was read, or after: a reason to read it once more, in its time.
    let pages = world.count("stations");
    assert_eq!(pages, 1 + 2);
    world.run_for(MIN * 4);
    assert_eq!(world.count("stations"), pages);
    world.run_for(MIN * 2);
    assert_eq!(world.count("stations"), pages + 2);
    world.run_for(HOUR);
    assert_eq!(world.count("stations"), pages + 2);
}

#[test]
fn a_list_of_stations_that_is_refused_takes_nothing_from_the_feed() {
    let mut world = World::new(10, 1, 1);
    for _ in 0..100 {
        world
            .instead
            .push_back(("stations", Reply::Failed(failure(FailureKind::Forbidden))));
    }
    world.run_until(MIN, World::is_up);
    let (feeds, asked) = (world.feeds.len(), world.count("stations"));
    world.run_for(HOUR * 4);
    assert_eq!(world.feeds.len(), feeds);
    assert_eq!(world.count("stations"), asked + 4, "once an hour");
    world.instead.clear();
    world.run_for(HOUR * 2);
    assert_eq!(world.stations_told.len(), 10);
}

/// The lines of the log about persistent connections.
fn about_persistent_connections(world: &World) -> usize {
    let texts = world.notices.iter().map(|(_, text)| text);
    texts
        .filter(|text| text.contains("persistent connections of"))
        .count()
}

#[test]
fn persistent_connections_refused_cost_a_second_request_and_nothing_else() {
    let mut world = World::new(1_000, 3, 1);
    world.rejects = Box::new(|topic| {
        let is_refused = topic.contains("persistentconnection");
        is_refused
            .then(|| verdict(topic, false))
            .into_iter()
            .collect()
    });
    world.lessened = world.users.clone();
    world.run_until(MIN, World::is_up);
    world.check_up();
    assert_eq!(world.session.rejected().count(), 0);
    assert!(
        world
            .feeds
            .iter()
            .all(|(_, _, why, _)| *why != Why::PermissionMissing),
        "{:?}",
        world.feeds
    );
    assert!(about_persistent_connections(&world) > 0);
    assert_eq!(world.warnings, 1, "told once at warn");

    // It is remembered: the next channels are not asked for them, although they would be given now.
    world.rejects = Box::new(|_| vec![]);
    let (asked, told) = (
        world.count("subscribe"),
        about_persistent_connections(&world),
    );
    world.run_for(DAY * 2);
    assert!(world.count("create") >= 4, "{}", world.count("create"));
    assert!(world.count("subscribe") - asked < 10);
    assert_eq!(about_persistent_connections(&world), told);
    world.check_up();
}

#[test]
fn one_user_whose_persistent_connections_are_refused_costs_the_others_nothing() {
    let mut world = World::new(300, 1, 1);
    let id = user_id(7);
    world.rejects = Box::new(move |topic| {
        let is_refused = topic.contains(&id) && topic.contains("persistentconnection");
        is_refused
            .then(|| verdict(topic, false))
            .into_iter()
            .collect()
    });
    world.lessened.insert(7);
    world.run_until(MIN, World::is_up);
    world.check_up();
}

#[test]
fn persistent_connections_refused_under_a_permitted_topic_are_left_out_of_the_next_channel() {
    let mut world = World::new(10, 1, 1);
    world.rejects = Box::new(|topic| {
        let stem = topic
            .split_once('?')
            .filter(|_| topic.contains("&persistent"));
        let part = stem.map(|(stem, _)| format!("{stem}.PersistentConnection"));
        part.map(|part| verdict(&part, false)).into_iter().collect()
    });
    world.run_until(MIN, World::is_up);
    world.check_up();
    let asked = world.count("subscribe");
    assert_eq!(about_persistent_connections(&world), 1);
    world.run_for(HOUR);
    assert_eq!(
        world.count("subscribe"),
        asked,
        "the rest of the topic flows"
    );
    world.run_for(DAY);
    world.lessened = world.users.clone();
    world.run_until(MIN, World::is_up);
    world.check_up();
    assert_eq!(about_persistent_connections(&world), 1);
}

#[test]
fn a_platform_that_refuses_requests_for_persistent_connections_as_a_whole_loses_nobody() {
    for kind in [FailureKind::Forbidden, FailureKind::Refused] {
        for poisoned in [None, Some(33)] {
            let mut world = World::new(300, 1, 1);
            let id = poisoned.map(user_id);
            world.refuses = Box::new(move |topics| {
                let mut topics = topics.iter().map(|topic| topic.as_str());
                let is_bad = |topic: &str| {
                    topic.contains("persistentconnection")
                        || id.as_ref().is_some_and(|id| topic.contains(id))
                };
                topics.any(is_bad).then_some(kind)
            });
            let lost = usize::from(poisoned.is_some());
            world.run_until(MIN * 5, |world| world.session.topics() == 301 - lost);
            assert!(
                world.count("subscribe") < 60,
                "{}",
                world.count("subscribe")
            );
            if poisoned.is_none() {
                assert!(world.count("subscribe") < 5, "{}", world.count("subscribe"));
                world.lessened = world.users.clone();
                world.run_until(MIN, World::is_up);
                world.check_up();
            }
        }
    }
}

#[test]
fn a_user_refused_with_and_without_persistent_connections_is_in_the_scope_and_asked_for_whole_later()
 {
    let mut world = World::new(10, 1, 1);
    let id = user_id(4);
    world.rejects = Box::new(move |topic| {
        let is_refused = topic.contains(&id);
        is_refused
            .then(|| verdict(topic, false))
            .into_iter()
            .collect()
    });
    world.run_until(MIN, |world| {
        world.feed() == (Feed::Degraded, Why::PermissionMissing)
    });
    let (_, _, _, scope) = world.feeds.last().unwrap();
    assert_eq!((scope.users.len(), scope.topics.len()), (1, 1));
    assert_eq!(world.session.topics(), 10);
    assert_eq!(about_persistent_connections(&world), 0);
    world.rejects = Box::new(|_| vec![]);
    world.lessened.insert(4);
    world.run_until(HOUR * 2, World::is_up);
    world.check_up();
    // The calls came first; the rest comes with the next channel.
    world.lessened.clear();
    world.run_for(DAY);
    world.run_until(MIN, World::is_up);
    world.check_up();
}

#[test]
fn topics_are_subscribed_before_the_last_page_is_read() {
    let mut world = World::new(2_000, 5, 1);
    world.run_until(MIN * 5, World::is_up);
    let last_page = *world.times("users").last().unwrap();
    let early = world
        .times("subscribe")
        .iter()
        .filter(|&&at| at < last_page)
        .count();
    assert!(early >= 3, "{early}");
}

#[test]
fn a_small_budget_is_never_exceeded_and_only_slows_the_start() {
    let config = Config {
        requests_per_minute: 20,
        roster_interval: S * 3600,
        seed: 3,
        ..Config::default()
    };
    let mut world = World::with_config(5_000, 50, config);
    world.run_until(MIN * 10, World::is_up); // The world checks the rate at every request.
    world.check_up();
    assert!(world.session.requests_last_minute(at(world.now)) <= 20);
}

#[test]
fn subjects_are_divided_into_channels_of_900() {
    for (users, channels) in [(1, 1), (899, 1), (900, 1), (901, 2), (1_800, 2), (1_801, 3)] {
        let mut world = up(users, 0, 1);
        world.run_for(S);
        assert_eq!(world.session.channels(), channels, "{users} users");
        assert!(
            world
                .channels
                .values()
                .all(|channel| channel.topics.len() <= 900)
        );
        world.check_up();
    }
}

#[test]
fn beyond_what_the_channels_carry_the_feed_is_degraded_with_the_sum_and_the_users() {
    let config = Config {
        requests_per_minute: 270,
        roster_interval: HOUR,
        seed: 1,
        ..Config::default()
    };
    let mut world = World::with_config(17_150, 1, config);
    world.channel_life = HOUR * 4;
    world.run_until(MIN * 10, |world| {
        world.feed() == (Feed::Degraded, Why::Limit)
    });
    assert_eq!(world.session.channels(), 19);
    assert_eq!(world.session.topics(), 17_100);
    assert_eq!(world.session.unfollowed(), 51);
    let (_, _, _, scope) = world.feeds.last().unwrap();
    // The one queue came with the first page of users.
    assert_eq!(scope.users.len(), 51);
    let (_, message) = world.notices.last().unwrap();
    assert!(
        message.contains("51 users") && message.contains("17100"),
        "{message}"
    );

    // When enough of the others have left and their channels are made anew, the rest is followed.
    world.users.retain(|&n| n > 200);
    world.run_until(HOUR * 6, World::is_up);
    world.run_for(MIN);
    world.check_up();
}

#[test]
fn queues_without_members_are_not_followed() {
    let mut world = World::new(10, 3, 1);
    world.queues.insert(2, Some(0));
    world.queues.insert(3, None);
    world.run_until(MIN, World::is_up);
    assert_eq!(world.session.queues(), 2);
    world.check_up();
}

#[test]
fn a_user_refused_as_a_whole_degrades_the_feed_and_stands_in_the_scope() {
    let mut world = World::new(10, 1, 1);
    let refused = user_id(4);
    let id = refused.clone();
    world.rejects = Box::new(move |topic| {
        if topic.contains(&id) {
            vec![verdict(topic, false)]
        } else {
            vec![]
        }
    });
    world.run_until(MIN, |world| {
        world.feed() == (Feed::Degraded, Why::PermissionMissing)
    });
    let (_, _, _, scope) = world.feeds.last().unwrap();
    assert_eq!(*scope.users, [UserId::from(refused.as_str())]);
    assert_eq!(scope.topics.len(), 1);
    assert_eq!(world.session.topics(), 10, "the others flow");
    assert!(
        world
            .notices
            .last()
            .unwrap()
            .1
            .contains("missing permission x:y:view")
    );

    // The permission is granted: found out within two hours, without a restart.
    world.rejects = Box::new(|_| vec![]);
    world.lessened.insert(4);
    world.run_until(HOUR * 2, World::is_up);
    world.check_up();
}

#[test]
fn one_form_refused_under_a_permitted_combined_topic_is_reported_and_the_rest_flows() {
    let mut world = World::new(3, 1, 1);
    world.rejects = Box::new(|topic| {
        let Some((stem, _)) = topic
            .split_once('?')
            .filter(|(stem, _)| stem.contains("users"))
        else {
            return vec![];
        };
        // As the platform may spell it.
        vec![verdict(
            &format!("{stem}.station")
                .to_uppercase()
                .replace("V2.USERS", "v2.users"),
            false,
        )]
    });
    world.run_until(MIN, |world| {
        world.feed() == (Feed::Degraded, Why::PermissionMissing)
    });
    let (_, _, _, scope) = world.feeds.last().unwrap();
    assert!(
        scope.users.is_empty(),
        "all users are followed, if not wholly"
    );
    assert_eq!(scope.topics.len(), 3);
    assert_eq!(world.session.rejected().count(), 3);
    assert_eq!(world.session.topics(), 4);
}

#[test]
fn everything_refused_is_a_feed_that_is_down() {
    let mut world = World::new(3, 1, 1);
    world.rejects = Box::new(|topic| vec![verdict(topic, false)]);
    world.run_until(MIN, |world| {
        world.feed() == (Feed::Down, Why::PermissionMissing)
    });
}

#[test]
fn an_empty_roster_names_what_to_check() {
    let mut world = World::new(0, 0, 1);
    world.run_until(MIN, |world| {
        world.feed() == (Feed::Down, Why::PermissionMissing)
    });
    assert!(world.notices.last().unwrap().1.contains("divisions"));
    world.users.insert(1);
    world.run_until(MIN * 10, World::is_up);
}

#[test]
fn a_429_in_the_middle_of_a_list_resumes_the_same_page_after_retry_after() {
    let mut world = World::new(1_000, 1, 1);
    world.run_until(MIN, |world| world.count("users 4") == 1);
    world.instead.push_back(("users", rate_limited(17)));
    world.run_until(MIN * 2, World::is_up);
    let pages: Vec<&str> = world
        .requests
        .iter()
        .map(|(_, r)| r.as_str())
        .filter(|r| r.starts_with("users"))
        .collect();
    let expected = (1..=5)
        .chain(5..=10)
        .map(|n| format!("users {n}"))
        .collect::<Vec<_>>();
    assert_eq!(pages, expected);
    let fifth = world.times("users 5");
    assert!(
        fifth[1] - fifth[0] >= S * 17 && fifth[1] - fifth[0] < S * 19,
        "{fifth:?}"
    );
    let silence = (fifth[0] + S, fifth[1] - Duration::from_millis(1));
    assert!(
        world
            .requests
            .iter()
            .all(|(at, _)| *at < silence.0 || *at > silence.1),
        "nothing is asked before the platform wants to be asked"
    );
}

#[test]
fn a_retry_after_of_hours_holds_up_only_what_it_was_said_to() {
    let mut world = World::new(10, 1, 1);
    world.instead.push_back(("queues", rate_limited(7_200)));
    world.run_for(MIN);
    assert_eq!(world.feed(), (Feed::Degraded, Why::Limit));
    world.run_for(MIN * 50);
    assert_eq!(world.count("queues"), 1);
    world.cut_all();
    world.run_for(MIN);
    assert_eq!(world.session.sockets(), 1);
    let took = world.run_until(HOUR, World::is_up);
    assert!(took > MIN * 5, "once an hour it is asked again: {took:?}");
}

#[test]
fn refused_credentials_are_a_state_and_a_slow_retry_and_no_stop() {
    let mut world = World::new(10, 1, 1);
    world.credentials_refused = true;
    world.run_for(HOUR);
    assert_eq!(world.feed(), (Feed::Down, Why::CredentialsRefused));
    assert!(
        (55..=61).contains(&world.count("token")),
        "{}",
        world.count("token")
    );
    assert_eq!(
        world.count(""),
        world.count("token"),
        "nothing else is asked"
    );
    assert_eq!(world.feeds.len(), 2, "told once: {:?}", world.feeds);
    world.credentials_refused = false;
    let took = world.run_until(MIN * 2, World::is_up);
    assert!(took <= S * 65, "{took:?}");
}

#[test]
fn credentials_refused_at_a_renewal_are_told_while_the_feed_still_flows() {
    let mut world = up(10, 1, 1);
    world.credentials_refused = true;
    world.run_until(DAY, |world| {
        world.feed() == (Feed::Up, Why::CredentialsRefused)
    });
    world.credentials_refused = false;
    world.run_until(MIN * 2, |world| world.feed() == (Feed::Up, Why::None));
}

#[test]
fn a_token_is_renewed_at_four_fifths_of_its_life_and_its_channels_before_its_end() {
    let mut world = World::new(2_000, 1, 1);
    world.token_life = S * 1_000;
    world.run_until(MIN, World::is_up);
    let feeds = world.feeds.len();
    world.run_for(S * 4_000 + MIN);
    let times = world.times("token");
    assert_eq!(times.len(), 6, "{times:?}");
    for pair in times.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(apart >= S * 800 && apart < S * 801, "{apart:?}");
    }
    assert_eq!((world.count("create"), world.opened.len()), (18, 18));
    assert_eq!(world.count("probe"), 0, "none was lost");
    assert!(
        world.feeds[feeds..]
            .iter()
            .all(|(_, feed, ..)| *feed != Feed::Down),
        "one at a time"
    );
    world.check_up();
}

#[test]
fn while_no_new_token_is_to_be_had_channels_of_the_old_one_are_kept() {
    let mut world = World::new(10, 1, 1);
    world.token_life = S * 1_000;
    world.run_until(MIN, World::is_up);
    world.credentials_refused = true;
    world.run_for(S * 980);
    assert_eq!((world.count("create"), world.opened.len()), (1, 1));
    assert_eq!(world.feed(), (Feed::Up, Why::CredentialsRefused));
    // It comes at the last moment, and all is moved to it.
    world.credentials_refused = false;
    world.run_for(MIN * 2);
    world.check_up();
    assert_eq!(world.count("create"), 2);
}

#[test]
fn a_renewal_that_is_slow_is_not_started_twice() {
    let mut world = World::new(10, 1, 1);
    world.token_life = S * 1_000;
    world.run_until(MIN, World::is_up);
    world.unanswered = Some("token");
    world.run_for(S * 990); // Due at 800, its end at 1,000: all that time one request is out.
    assert_eq!(world.count("token"), 2);
    world.run_for(S * 160); // Given up after 300 s, and asked anew.
    assert_eq!(world.count("token"), 3);
}

#[test]
fn a_401_costs_one_renewal_and_the_request_is_asked_again() {
    let mut world = up(10, 1, 1);
    world.channels_end_with_token = false;
    world.revoke_token();
    world.run_for(MIN * 6); // The lists are read again: both requests learn of it at once.
    assert_eq!(world.count("token"), 2);
    // What is asked for first learns of it, a read of the first gap; the lists before or after that was known.
    assert!((4..=6).contains(&(world.count("users") + world.count("queues"))));
    world.check_up();
    assert_eq!(world.opened.len(), 1, "channels are kept");
}

#[test]
fn a_token_that_is_refused_at_once_does_not_become_a_storm() {
    let mut world = World::new(10, 1, 1);
    world.token_life = Duration::ZERO;
    world.run_for(HOUR);
    assert_eq!(world.feed(), (Feed::Down, Why::CredentialsRefused));
    let n = world.count("");
    assert!((60..500).contains(&n), "{n} requests in an hour");
    world.token_life = HOUR;
    world.run_until(MIN * 3, World::is_up);
}

#[test]
fn silence_is_asked_about_and_an_answer_keeps_the_socket() {
    let mut world = up(10, 1, 1);
    let opened = world.now;
    world.silent = true; // No heartbeats; pongs are told apart below.
    world.run_until(MIN, |world| world.pings.len() == 1);
    assert!(world.now - opened <= S * 35);
    world.silent = false;
    world.run_for(MIN * 10);
    assert_eq!(world.pings.len(), 1);
    assert!(world.closed.is_empty());
    assert_eq!(world.opened.len(), 1);
    assert!(world.is_up());
}

#[test]
fn a_dead_link_is_found_and_replaced_in_under_45_s() {
    let mut world = up(10, 1, 1);
    world.run_for(S * 10);
    world.frames();
    let last = world.now;
    world.silent = true;
    world.run_until(MIN, |world| world.closed.len() == 1);
    assert!(world.now - last < S * 45, "{:?}", world.now - last);
    assert_eq!(
        world.last_since,
        Some(at(last)),
        "the gap starts at the last frame"
    );
    world.silent = false;
    assert_eq!(world.feed(), (Feed::Down, Why::Link));
    world.run_until(S * 10, World::is_up);
    assert_eq!((world.count("probe"), world.count("create")), (1, 1));
    assert_eq!(
        world
            .opened
            .iter()
            .map(|(_, channel)| channel)
            .collect::<Vec<_>>()
            .len(),
        2
    );
    assert_eq!(world.opened[0].1, world.opened[1].1, "the same channel");
    assert_eq!(
        world.count("subscribe"),
        1,
        "its subscriptions are still there"
    );
    world.check_up();
    assert_eq!(world.session.reconnects(), 1);
}

#[test]
fn a_heartbeat_every_30_s_is_life_enough() {
    let mut world = up(10, 1, 1);
    world.run_for(HOUR);
    assert!(world.pings.is_empty());
    assert_eq!(world.feeds.last().unwrap().1, Feed::Up);
}

#[test]
fn a_socket_that_ends_is_opened_again_on_its_channel_and_a_lost_channel_is_made_anew() {
    let mut world = up(10, 1, 1);
    world.run_for(MIN * 2);
    world.cut_all();
    assert_eq!(world.session.feed(), Feed::Down);
    let took = world.run_until(MIN, World::is_up);
    assert!(took < S * 3, "at once after a stable time: {took:?}");
    assert_eq!(
        (
            world.count("probe"),
            world.count("create"),
            world.count("subscribe")
        ),
        (1, 1, 1)
    );

    world.run_for(MIN * 2);
    world.channels.clear();
    world.cut_all();
    let took = world.run_until(MIN, World::is_up);
    assert!(took < S * 3, "{took:?}");
    assert_eq!(
        (
            world.count("probe"),
            world.count("create"),
            world.count("subscribe")
        ),
        (2, 2, 2)
    );
    world.check_up();

    world.run_for(MIN * 2);
    world.channels.clear();
    world.tell_all(&SocketEvent::ChannelLost("no_longer_subscribed".to_owned()));
    assert_eq!(world.feed(), (Feed::Down, Why::ChannelTaken));
    world.run_until(MIN, World::is_up);
    assert_eq!(
        (world.count("probe"), world.count("create")),
        (2, 3),
        "nothing to ask"
    );
    world.check_up();
}

#[test]
fn one_of_several_channels_lost_degrades_and_names_its_users() {
    let mut world = up(1_000, 0, 1);
    world.run_for(MIN * 2);
    let (id, small) = world
        .channels
        .iter()
        .min_by_key(|(_, channel)| channel.topics.len())
        .unwrap();
    let (id, small) = (id.clone(), small.topics.len());
    world.channels.remove(&id);
    world.run_until(MIN, |world| !world.is_up());
    let (_, feed, why, scope) = world.feeds.last().unwrap();
    assert_eq!(
        (*feed, *why, scope.users.len()),
        (Feed::Degraded, Why::Link, small)
    );
    world.run_until(MIN, World::is_up);
    world.check_up();
}

#[test]
fn socket_closing_is_a_succession_that_is_over_before_the_socket_is_closed() {
    let mut world = up(10, 1, 1);
    world.run_for(MIN * 2);
    let feeds = world.feeds.len();
    world.tell_all(&SocketEvent::Closing);
    assert!(
        world.closed.is_empty(),
        "it is used until its successor is there"
    );
    let took = world.run_until(S * 20, |world| world.closed.len() == 1);
    assert!(took >= S * 5 && took < S * 10, "{took:?}");
    assert_eq!(
        (
            world.count("probe"),
            world.count("create"),
            world.count("subscribe")
        ),
        (0, 2, 2)
    );
    assert_eq!((world.feeds.len(), world.interrupted.len()), (feeds, 0));
    world.check_up();
}

#[test]
fn reconnects_back_off_to_a_minute_with_jitter_and_start_over_after_a_stable_time() {
    let mut world = up(10, 1, 1);
    world.run_for(MIN * 2);
    world.link_down = true;
    world.cut_all();
    world.run_for(DAY);
    let probes = world.times("probe");
    let waits: Vec<Duration> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|&wait| wait <= S * 61), "capped");
    assert!(waits.iter().skip(10).any(|&wait| wait > S * 50), "grown");
    assert!(waits.iter().skip(10).any(|&wait| wait < S * 10), "jittered");
    let most = waits.iter().take(3).max().unwrap();
    assert!(*most <= S * 5, "begins small: {most:?}");
    assert!(probes.len() > 1_000, "for ever: {}", probes.len());

    world.link_down = false;
    world.run_until(MIN * 2, World::is_up);
    world.run_for(MIN * 2);
    world.cut_all();
    assert!(
        world.run_until(MIN, World::is_up) < S * 3,
        "the next one is the first again"
    );
}

#[test]
fn a_channel_that_keeps_no_socket_is_given_up() {
    let mut world = up(10, 1, 1);
    world.run_for(MIN * 2);
    world.faults.handshake = 1_000;
    world.cut_all();
    world.run_until(MIN * 30, |world| world.count("create") == 2);
    world.faults.handshake = 0;
    world.run_until(MIN * 3, World::is_up);
    world.check_up();
    assert!(world.count("unsubscribe") >= 1, "what is left is cleaned");
}

#[test]
fn two_programs_that_take_each_others_channels_are_damped() {
    let mut world = up(10, 1, 1);
    world.run_for(MIN * 2);
    let before = world.count("create");
    let end = world.now + HOUR;
    while world.now < end {
        world.run_until(MIN * 3, World::is_up);
        world.channels.clear();
        world.tell_all(&SocketEvent::ChannelLost(
            "another_channel_subscribed".to_owned(),
        ));
        world.run_for(Duration::from_millis(10));
    }
    let creates = world.count("create") - before;
    assert!(creates < 200, "{creates} channels in an hour");
}

#[test]
fn a_channel_is_replaced_before_its_24_hours_end() {
    let config = Config {
        requests_per_minute: 270,
        roster_interval: HOUR, // What is listed is beside the point here, and costs time.
        seed: 1,
        ..Config::default()
    };
    let mut world = World::with_config(2_000, 5, config);
    world.run_until(MIN * 5, World::is_up);
    world.run_for(DAY * 3 + HOUR);
    let creates = world.times("create");
    assert_eq!(creates.len(), 3 * 4);
    assert_eq!(world.count("probe"), 0, "none was lost");
    assert_eq!(world.count("unsubscribe"), 9, "what was left is cleaned");
    let mut down = Duration::ZERO;
    for pair in world.feeds.windows(2).skip(2) {
        if pair[0].1 != Feed::Up {
            down += pair[1].0 - pair[0].0;
        }
    }
    assert!(down < S * 20, "nine short interruptions: {down:?}");
    assert!(
        world
            .feeds
            .iter()
            .skip(3)
            .all(|(_, feed, _, _)| *feed != Feed::Down),
        "one at a time"
    );
    world.check_up();
}

#[test]
fn new_users_are_followed_and_old_ones_reported_without_the_feed_wavering() {
    let mut world = up(950, 5, 1);
    let feeds = world.feeds.len();
    world.users.extend([2_001, 2_002]);
    world.queues.insert(9, Some(1));
    world.users.remove(&7);
    world.run_for(MIN * 11);
    assert!(world.session.users() == 951);
    assert_eq!(world.removed, [UserId::from(user_id(7).as_str())]);
    assert_eq!(world.feeds.len(), feeds, "{:?}", &world.feeds[feeds..]);
    for id in [user_id(2_001), user_id(2_002), queue_id(9)] {
        assert!(world.flowing.contains_key(&id));
    }
    assert_eq!(world.count("create"), 2);
    world.check_up();

    // Who comes back is followed as before, and nobody is subscribed twice.
    world.users.insert(7);
    world.run_for(MIN * 6);
    assert_eq!(world.session.users(), 952);
    world.check_up();
}

#[test]
fn new_users_that_cannot_be_subscribed_degrade_the_feed() {
    let mut world = up(10, 1, 1);
    world.users.insert(99);
    world
        .instead
        .push_back(("subscribe", Reply::Failed(failure(FailureKind::Server))));
    world.run_until(MIN * 6, |world| world.session.feed() == Feed::Degraded);
    let (_, _, _, scope) = world.feeds.last().unwrap();
    assert_eq!(*scope.users, [UserId::from(user_id(99).as_str())]);
    world.run_until(MIN, World::is_up);
    world.check_up();
}

#[test]
fn a_list_that_is_forbidden_leaves_the_rest_flowing() {
    let mut world = World::new(10, 1, 1);
    for _ in 0..5 {
        world
            .instead
            .push_back(("queues", Reply::Failed(failure(FailureKind::Forbidden))));
    }
    world.run_for(MIN * 4);
    assert_eq!(world.feed(), (Feed::Degraded, Why::PermissionMissing));
    assert_eq!(world.session.topics(), 10);
    world.run_until(MIN * 3, World::is_up);
}

#[test]
fn an_answer_to_another_question_is_a_failure_and_not_the_end() {
    let mut world = World::new(10, 1, 1);
    for word in ["token", "users", "queues", "create", "subscribe"] {
        world.instead.push_back((word, Reply::Unsubscribed));
    }
    world.run_until(MIN * 3, World::is_up);
    world.check_up();
}

#[test]
fn late_doubled_and_unknown_input_is_ignored_and_counted() {
    use crate::model::order::{OrderId, SocketId};
    let mut world = up(10, 1, 1);
    world.run_for(S * 10); // Nothing is under way.
    let now = at(world.now);
    let before = (world.requests.len(), world.session.poll_timeout());
    for id in 0..40 {
        world
            .session
            .handle_reply(OrderId(id), Reply::ChannelExists(false), now);
    }
    for event in [
        SocketEvent::Opened,
        SocketEvent::Activity,
        SocketEvent::Ended(failure(FailureKind::Link)),
    ] {
        world.session.handle_socket(SocketId(77), event, now);
    }
    world
        .session
        .handle_socket(SocketId(1), SocketEvent::Opened, now);
    assert_eq!(world.session.ignored(), 44);
    assert_eq!(before, (world.requests.len(), world.session.poll_timeout()));
    assert!(world.session.poll_order().is_none() && world.session.poll_notice().is_none());
}

#[test]
fn an_order_that_is_never_answered_is_given_up() {
    for word in ["token", "users", "queues", "create", "subscribe"] {
        let mut world = World::new(10, 1, 1);
        world.unanswered = Some(word);
        world.run_for(MIN);
        assert!(!world.is_up(), "{word}");
        world.unanswered = None;
        let took = world.run_until(MIN * 7, World::is_up);
        assert!(took < MIN * 6, "{word}: {took:?}");
        world.check_up();
    }
}

#[test]
fn frames_cost_nothing_but_a_note_of_the_time() {
    let mut world = up(1_000, 1, 1);
    let ignored = world.session.ignored();
    let timeout = world.session.poll_timeout();
    for _ in 0..1_000 {
        world.frames();
    }
    assert_eq!(world.session.poll_timeout(), timeout);
    assert_eq!(world.session.ignored(), ignored);
}

#[test]
fn what_is_logged_and_told_names_no_channel_and_no_person() {
    let mut world = World::new(50, 2, 1);
    world.faults = Faults {
        failure: 200,
        socket: 100,
        platform: 50,
        ..Faults::default()
    };
    world.run_for(HOUR * 5);
    let texts: BTreeMap<&str, ()> = world
        .notices
        .iter()
        .map(|(_, text)| (text.as_str(), ()))
        .collect();
    assert!(texts.len() > 10);
    for text in texts.keys() {
        assert!(
            !text.contains("channel-0") && !text.contains("User ") && !text.contains("-4000-"),
            "{text}"
        );
    }
    let debug = format!("{:?}", world.session);
    assert!(
        !debug.contains("channel-0") && !debug.contains("-4000-"),
        "{debug}"
    );
}

#[test]
fn a_verdict_on_a_channel_that_was_lost_says_nothing_about_the_next() {
    use crate::session::request::What;
    let mut world = World::new(10, 1, 1);
    world.unanswered = Some("subscribe");
    world.run_until(MIN, |world| {
        world.session.sockets() == 1 && world.count("subscribe") == 1
    });
    let (&old, _) = world
        .session
        .asked
        .iter()
        .find(|(_, asked)| matches!(asked.what, What::Subscribe(_)))
        .unwrap();
    world.channels.clear();
    world.tell_all(&SocketEvent::ChannelLost("no_longer_subscribed".to_owned()));
    world.run_until(MIN, |world| {
        world.session.sockets() == 1 && world.count("subscribe") == 2
    });
    let late = (1..=10).map(|n| {
        let id = user_id(n);
        verdict(
            &format!(
                "v2.users.{id}?presence&routingStatus&station&conversations&conversations.calls&persistentconnection"
            ),
            true,
        )
    });
    let now = at(world.now);
    world
        .session
        .handle_reply(old, Reply::Subscribed(late.collect()), now);
    assert_eq!(world.session.topics(), 0);
    assert_eq!(world.session.ignored(), 1);
    world.unanswered = None;
    world.run_until(MIN * 7, World::is_up);
    world.check_up();
}

#[test]
fn nonsense_times_of_the_platform_break_nothing() {
    let beyond = Duration::from_secs(u64::MAX);
    let waits = |kind| {
        Reply::Failed(crate::model::order::Failure {
            retry_after: Some(beyond),
            ..failure(kind)
        })
    };
    let mut world = World::new(10, 1, 1);
    world.token_life = beyond;
    for word in ["token", "users", "queues", "create", "subscribe"] {
        world
            .instead
            .push_back((word, waits(FailureKind::RateLimited)));
        world.instead.push_back((word, waits(FailureKind::Server)));
    }
    world.run_for(DAY * 12);
    world.run_until(DAY, World::is_up);
    assert!(
        world.count("token") > 3,
        "no token is believed to live for ever"
    );
}

#[test]
fn a_roster_that_comes_back_empty_is_no_feed_that_is_up() {
    let mut world = up(10, 1, 1);
    let (users, queues) = (world.users.clone(), world.queues.clone());
    world.users.clear();
    world.queues.clear();
    world.run_for(MIN * 15);
    assert_eq!(world.feed(), (Feed::Down, Why::PermissionMissing));
    assert!(world.told.contains("divisions"), "{}", world.told);
    (world.users, world.queues) = (users, queues);
    world.run_until(MIN * 10, World::is_up);
    world.check_up();
}

#[test]
fn a_list_that_answers_with_another_page_removes_nobody() {
    let mut world = up(150, 0, 1);
    // A cache on the way gives the first page for the second, time and again.
    for _ in 0..4 {
        let first = world.users_page(1);
        world.instead.push_back(("users 2", first));
    }
    world.run_for(MIN * 19);
    assert!(world.instead.is_empty());
    assert!(world.removed.is_empty(), "{} removed", world.removed.len());
    assert_eq!(world.session.users(), 150);
}

#[test]
fn a_channel_that_cannot_be_asked_for_is_left_for_a_new_one() {
    let mut long = failure(FailureKind::RateLimited);
    long.retry_after = Some(HOUR * 5);
    for (answer, limit) in [
        (failure(FailureKind::Server), MIN * 5),
        (failure(FailureKind::Unreadable), MIN * 5),
        (failure(FailureKind::Forbidden), S * 5),
        (long, S * 5),
    ] {
        let mut world = up(10, 1, 1);
        world.run_for(MIN * 2);
        for _ in 0..1_000 {
            world
                .instead
                .push_back(("probe", Reply::Failed(answer.clone())));
        }
        world.cut_all();
        let took = world.run_until(DAY, World::is_up);
        assert!(took < limit, "{:?}: {took:?}", answer.kind);
        world.check_up();
    }
}

#[test]
fn the_end_of_a_long_connection_is_news_whatever_was_before_it() {
    let mut world = up(10, 1, 1);
    for _ in 0..3 {
        world.cut_all();
        world.run_until(MIN, World::is_up);
    }
    world.run_for(HOUR);
    let before = world.warnings;
    world.cut_all();
    assert_eq!(world.warnings, before + 1);
}

#[test]
fn one_topic_that_has_the_whole_request_refused_holds_up_no_other() {
    for kind in [FailureKind::Forbidden, FailureKind::Refused] {
        for poisoned in [vec![1], vec![150, 151, 300]] {
            let mut world = World::new(300, 1, 1);
            let ids: Vec<String> = poisoned.iter().map(|&n| user_id(n)).collect();
            world.refuses = Box::new(move |topics| {
                topics
                    .iter()
                    .any(|topic| ids.iter().any(|id| topic.as_str().contains(id)))
                    .then_some(kind)
            });
            let count = poisoned.len();
            world.run_until(MIN * 5, |world| {
                world.session.topics() == 301 - count
                    && world.feed() == (Feed::Degraded, Why::PermissionMissing)
            });
            assert_eq!(world.session.rejected().count(), count);
            let (_, _, _, scope) = world.feeds.last().unwrap();
            assert_eq!(scope.users.len(), count);
            let asked = world.count("subscribe");
            assert!(asked < 60, "{asked} requests");
            world.run_for(MIN * 50);
            assert_eq!(world.count("subscribe"), asked, "and then there is peace");

            world.refuses = Box::new(|_| None);
            world.lessened = poisoned.into_iter().collect();
            world.run_until(HOUR * 2, World::is_up);
            world.check_up();
        }
    }
}

#[test]
fn a_platform_that_counts_topics_otherwise_than_we_do_takes_what_it_takes() {
    let mut world = World::new(900, 0, 1);
    world.refuses = Box::new({
        let taken = std::cell::Cell::new(0);
        move |topics| {
            let room = taken.get() + topics.len() <= 200;
            taken.set(taken.get() + if room { topics.len() } else { 0 });
            (!room).then_some(FailureKind::Refused)
        }
    });
    world.run_until(MIN * 5, |world| world.session.topics() == 200);
    assert_eq!(world.session.feed(), Feed::Degraded);
    let before = world.count("subscribe");
    world.run_for(HOUR);
    let asked = world.count("subscribe") - before;
    assert!(asked < 70, "{asked} requests in an hour");
}

#[test]
fn subscriptions_that_are_forbidden_altogether_come_back_soon_after_they_are_allowed() {
    let mut world = World::new(300, 1, 1);
    world.refuses = Box::new(|_| Some(FailureKind::Forbidden));
    world.run_for(HOUR);
    assert_eq!(world.feed(), (Feed::Down, Why::PermissionMissing));
    assert!(
        world.count("subscribe") < 80,
        "{}",
        world.count("subscribe")
    );
    world.refuses = Box::new(|_| None);
    let took = world.run_until(MIN * 5, World::is_up);
    assert!(took < S * 75, "{took:?}");
    // Those whose calls came first are followed wholly by the next channel.
    world.run_for(DAY);
    world.run_until(MIN, World::is_up);
    world.check_up();
}

#[test]
fn another_cause_of_the_same_trouble_is_told_once() {
    let mut world = World::new(10, 1, 1);
    world.link_down = true;
    world.run_for(MIN * 30);
    assert_eq!(world.feed(), (Feed::Down, Why::Link));
    assert!(world.told.contains("no name"), "{}", world.told);
    let (warnings, feeds) = (world.warnings, world.feeds.len());
    world.run_for(MIN * 30);
    assert_eq!((world.warnings, world.feeds.len()), (warnings, feeds));
    // The operator mends the name service, and learns what is next.
    world.link_trouble = "certificate not trusted (test)".to_owned();
    world.run_for(MIN * 30);
    assert!(world.told.contains("certificate"), "{}", world.told);
    assert_eq!(
        (world.warnings, world.feeds.len()),
        (warnings + 1, feeds + 1)
    );
}

#[test]
fn refused_topics_are_asked_for_again_each_hour_although_people_join_all_the_time() {
    let mut world = World::new(10, 1, 1);
    let id = user_id(4);
    world.rejects = Box::new(move |topic| {
        let is_refused = topic.contains(&id);
        is_refused
            .then(|| verdict(topic, false))
            .into_iter()
            .collect()
    });
    world.run_until(MIN, |world| {
        world.feed() == (Feed::Degraded, Why::PermissionMissing)
    });
    world.rejects = Box::new(|_| vec![]);
    world.lessened.insert(4);
    for newcomer in 11..26 {
        world.users.insert(newcomer);
        world.run_for(MIN * 6);
    }
    assert_eq!(world.session.rejected().count(), 0);
    world.run_until(MIN * 6, World::is_up);
    world.check_up();
}

#[test]
fn a_queue_that_the_list_could_not_name_for_hours_joined_when_it_was_last_read() {
    let mut world = World::new(10, 1, 1);
    world.run_until(MIN * 12, |world| world.session.open_gaps() == 0);
    for _ in 0..200 {
        let failed = Reply::Failed(failure(FailureKind::Server));
        world.instead.push_back(("queues", failed));
    }
    let made = world.now;
    world.queues.insert(2, Some(5));
    world.run_for(HOUR);
    world.instead.clear();
    world.gaps.clear();
    world.run_until(MIN * 10, |world| !world.gaps.is_empty());
    let (_, GapChange::Opened(joined)) = &world.gaps[0] else {
        panic!("{:?}", world.gaps);
    };
    assert_eq!(joined.cause, GapCause::Joined);
    assert!(joined.from <= at(made).utc, "{joined:?}");
}

#[test]
fn a_shorter_roster_interval_holds_at_once() {
    let config = Config {
        roster_interval: DAY,
        seed: 1,
        ..Config::default()
    };
    let mut world = World::with_config(10, 1, config.clone());
    world.run_until(MIN, World::is_up);
    world.users.insert(11);
    let sooner = Config {
        roster_interval: MIN * 5,
        ..config
    };
    world.set(sooner, true);
    world.run_until(MIN * 6, |world| world.session.users() == 11);
}
