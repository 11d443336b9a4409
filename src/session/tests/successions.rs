//! Successions: no planned change of connection loses anything, and none leaves anything behind. The world checks at
//! every step that whatever is told to flow flows, that one successor is brought up at a time, and that the channels
//! stay within their limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::platform::*;
use crate::model::feed::{Feed, Why};
use crate::model::gap::GapRecord;
use crate::model::id::Topic;
use crate::model::order::{FailureKind, Reply, SocketEvent, WireNo};
use crate::model::role::Role;
use crate::model::succession::{SuccessionEnd, SuccessionReason};
use crate::session::{Config, GapChange};

fn up(users: u32, queues: u32) -> World {
    let mut world = World::new(users, queues, 1);
    world.run_until(MIN * 5, World::is_up);
    world.run_for(MIN * 2);
    world
}

fn ends(world: &World, end: SuccessionEnd) -> usize {
    world.ended.iter().filter(|(_, _, e)| *e == end).count()
}

/// Nothing was missed, and the feed did not waver.
fn check_no_gap(world: &World, feeds: usize) {
    assert_eq!(world.interrupted, []);
    assert_eq!(world.feeds.len(), feeds, "{:?}", &world.feeds[feeds..]);
    world.check_up();
    world.check_nothing_left();
}

#[test]
fn a_restart_renews_token_channels_roster_and_stations_and_misses_nothing() {
    let mut world = up(2_000, 5);
    let feeds = world.feeds.len();
    let before: Vec<String> = world.channels.keys().cloned().collect();
    let counts = ["token", "users", "queues", "stations"].map(|word| (word, world.count(word)));
    world.restart();
    let took = world.run_until(MIN, |world| ends(world, SuccessionEnd::Succeeded) == 3);
    assert!(
        took > S * 15 && took < S * 30,
        "one after the other: {took:?}"
    );
    world.run_for(S * 20);
    check_no_gap(&world, feeds);
    for (word, count) in counts {
        let again = match word {
            "users" | "stations" => 20,
            _ => 1,
        };
        assert_eq!(world.count(word), count + again, "{word}");
    }
    for channel in before {
        assert!(world.channels[&channel].topics.is_empty());
    }
    assert!(
        world
            .succeeded
            .iter()
            .all(|(_, reason)| *reason == SuccessionReason::Asked)
    );
    assert_eq!(world.succeeded.len(), 3);
}

#[test]
fn both_are_read_for_as_long_as_the_setting_says() {
    for overlap in [S * 2, S * 20] {
        let mut world = up(10, 1);
        let config = Config {
            overlap,
            ..Config::default()
        };
        assert_eq!(world.set(config, true), WireNo::default());
        world.restart();
        world.run_until(MIN, |world| world.doubled() == 11);
        let took = world.run_until(MIN, |world| world.doubled() == 0);
        assert!(took >= overlap && took < overlap + S * 2, "{took:?}");
    }
}

#[test]
fn restarts_asked_for_while_one_runs_are_one() {
    let mut world = up(1_000, 1);
    let creates = world.count("create");
    for _ in 0..8 {
        world.restart();
        world.run_for(S);
    }
    world.run_for(MIN);
    assert_eq!(world.count("create"), creates + 2);
    assert_eq!(world.count("token"), 2);
    world.restart();
    world.run_for(MIN);
    assert_eq!(
        world.count("create"),
        creates + 4,
        "and the next is another"
    );
    assert_eq!(world.interrupted, []);
}

#[test]
fn six_successions_a_minute_on_two_channels_for_two_minutes_miss_nothing() {
    let mut world = up(1_000, 5);
    let feeds = world.feeds.len();
    for _ in 0..12 {
        world.tell_oldest(SocketEvent::Closing);
        world.run_for(S * 10);
    }
    assert_eq!(ends(&world, SuccessionEnd::Succeeded), 12);
    check_no_gap(&world, feeds);
    for _ in 0..12 {
        world.restart();
        world.run_for(S * 10);
    }
    world.run_for(S * 30);
    assert!(ends(&world, SuccessionEnd::Succeeded) >= 12 + 2 * 6);
    check_no_gap(&world, feeds);
}

#[test]
fn tokens_of_300_s_miss_nothing_for_days() {
    let config = Config {
        roster_interval: HOUR,
        seed: 5,
        ..Config::default()
    };
    let mut world = World::with_config(905, 2, config);
    world.token_life = S * 300;
    world.run_until(MIN, World::is_up);
    let feeds = world.feeds.len();
    world.run_for(DAY * 2);
    let tokens = world.count("token");
    assert!((715..=721).contains(&tokens), "{tokens}");
    assert_eq!(world.count("probe"), 0);
    assert_eq!(ends(&world, SuccessionEnd::Failed), 0);
    world.run_for(S * 20);
    check_no_gap(&world, feeds);
}

#[test]
fn sockets_that_will_all_be_closed_do_not_wait_for_each_other() {
    let mut world = up(5_000, 1);
    let feeds = world.feeds.len();
    world.most_successors = 6;
    world.tell_all(&SocketEvent::Closing);
    let took = world.run_until(MIN, |world| ends(world, SuccessionEnd::Succeeded) == 6);
    assert!(took < S * 12, "{took:?}");
    world.run_for(S);
    check_no_gap(&world, feeds);
}

/// Until when to run for a succession to be in a phase.
type Phase = fn(&World) -> bool;

/// The phases of the succession of a world with one channel, which has made nothing else since its start.
const PHASES: [(&str, Phase); 5] = [
    ("the channel is being made", |w| w.count("create") == 2),
    ("the topics are being subscribed", |w| {
        w.count("subscribe") == 2
    }),
    ("the socket is being opened", |w| w.opened.len() == 2),
    ("the socket is open", |w| w.session.sockets() == 2),
    ("both are read", |w| w.doubled() == 11),
];

#[test]
fn a_lead_that_dies_in_any_phase_is_followed_by_one_line_and_nothing_is_left_behind() {
    for (phase, is_in) in PHASES {
        for with_channel in [false, true] {
            let mut world = up(10, 1);
            world.restart();
            world.run_until(MIN, is_in);
            let feeds = world.feeds.len();
            world.frames();
            let (last, doubled) = (world.now, world.doubled());
            world.cut_oldest(with_channel);
            let took = world.run_until(MIN, World::is_up);
            assert!(took < S * 5, "{phase}: {took:?}");
            let missed: usize = world.interrupted.iter().map(|(_, n)| n).sum();
            assert_eq!(missed, 11 - doubled, "{phase}: told once");
            if doubled == 0 {
                assert_eq!(world.last_since, Some(at(last)), "{phase}");
            } else {
                assert_eq!(world.feeds.len(), feeds, "{phase}");
            }
            // The restart is completed all the same.
            world.run_for(MIN * 3);
            assert_eq!(world.session.channels(), 1, "{phase}");
            assert!(world.count("create") <= 4, "{phase}");
            world.check_up();
            world.check_nothing_left();
        }
    }
}

#[test]
fn what_the_lead_showed_last_before_the_successor_flowed_is_a_gap_and_no_more() {
    let mut world = up(10, 1);
    world.frames();
    let last = world.now;
    // From now on the lead's link is dead, and nobody says so.
    world.silent = true;
    world.run_for(S * 2);
    world.restart();
    world.run_until(S * 10, |world| world.session.sockets() == 2);
    world.silent = false;
    world.run_until(S * 10, |world| world.doubled() == 11);
    world.cut_oldest(false);
    assert_eq!(world.last_since, Some(at(last)));
    assert_eq!(world.session.topics(), 11, "the successor flows already");
    assert_ne!(world.session.feed(), Feed::Down);
    assert_eq!(world.flowing.len(), 11);
}

/// It looks like one that has nothing to say.
#[test]
fn a_lead_that_fell_silent_before_its_successor_came_is_a_gap() {
    let mut world = up(10, 1);
    world.frames();
    let last = world.now;
    world.deafen_oldest();
    world.run_for(S * 10);
    world.restart();
    let took = world.run_until(MIN, |world| !world.interrupted.is_empty());
    assert!(took < S * 10, "{took:?}");
    assert_eq!(world.last_since, Some(at(last)));
    assert_ne!(world.feed().0, Feed::Down, "the successor flows already");
    assert_eq!(ends(&world, SuccessionEnd::Inherited), 1);
    world.run_until(MIN * 10, World::is_up);
    world.run_for(MIN);
    world.check_up();
    world.check_nothing_left();
}

#[test]
fn a_successor_that_fails_in_any_phase_is_let_go_of_whole_and_another_is_tried() {
    fn fail(reply: FailureKind) -> Reply {
        Reply::Failed(failure(reply))
    }
    type Break = fn(&mut World);
    let ways: [(&str, Break, Break); 9] = [
        (
            "no channel",
            |w| w.instead.push_back(("create", fail(FailureKind::Server))),
            |_| {},
        ),
        (
            "no channel permitted",
            |w| {
                w.instead
                    .push_back(("create", fail(FailureKind::Forbidden)))
            },
            |_| {},
        ),
        (
            "no channel now",
            |w| w.instead.push_back(("create", rate_limited(20))),
            |_| {},
        ),
        (
            "no subscription",
            |w| {
                w.instead
                    .push_back(("subscribe", fail(FailureKind::Server)))
            },
            |_| {},
        ),
        (
            "the channel is gone",
            |w| {
                w.instead
                    .push_back(("subscribe", fail(FailureKind::NotFound)))
            },
            |_| {},
        ),
        (
            "no socket",
            |w| w.faults.handshake = 1_000,
            |w| w.faults.handshake = 0,
        ),
        (
            "no answer to a ping",
            |w| w.no_pongs = true,
            |w| w.no_pongs = false,
        ),
        (
            "no answer to a subscription",
            |w| w.unanswered = Some("subscribe"),
            |w| w.unanswered = None,
        ),
        (
            "no answer to the making of a channel",
            |w| w.unanswered = Some("create"),
            |w| w.unanswered = None,
        ),
    ];
    for (way, broken, mended) in ways {
        let mut world = up(10, 1);
        let feeds = world.feeds.len();
        broken(&mut world);
        world.restart();
        world.run_until(MIN * 6, |world| ends(world, SuccessionEnd::Failed) > 0);
        assert_eq!(world.session.sockets(), 1, "{way}: the lead is kept");
        mended(&mut world);
        let took = world.run_until(MIN * 6, |world| ends(world, SuccessionEnd::Succeeded) == 1);
        assert!(took < MIN * 5 + S * 20, "{way}: {took:?}");
        world.run_for(MIN * 3);
        check_no_gap(&world, feeds);
    }
}

#[test]
fn a_successor_that_dies_while_both_are_read_costs_nothing() {
    for event in [
        SocketEvent::Ended(failure(FailureKind::Link)),
        SocketEvent::ChannelLost("no_longer_subscribed".to_owned()),
        SocketEvent::Closing,
    ] {
        let mut world = up(10, 1);
        let feeds = world.feeds.len();
        let (lead, _) = world.channels.first_key_value().unwrap();
        let lead = lead.clone();
        world.restart();
        world.run_until(MIN, |world| world.doubled() == 11);
        if matches!(event, SocketEvent::ChannelLost(_)) {
            world.channels.retain(|id, _| *id == lead);
        }
        world.tell_newest(event);
        assert_eq!((world.doubled(), world.session.sockets()), (0, 1));
        world.run_until(MIN, |world| ends(world, SuccessionEnd::Succeeded) == 1);
        world.run_for(S);
        check_no_gap(&world, feeds);
    }
}

#[test]
fn a_platform_that_takes_no_successor_for_a_day_keeps_the_lead_and_is_not_pestered() {
    let mut world = up(10, 1);
    world.token_life = DAY * 2;
    let feeds = world.feeds.len();
    for _ in 0..10_000 {
        let refused = Reply::Failed(failure(FailureKind::Server));
        world.instead.push_back(("create", refused));
    }
    let creates = world.count("create");
    world.restart();
    world.run_for(HOUR * 12);
    let tries = world.count("create") - creates;
    assert!(tries > 500 && tries < 3_000, "{tries}");
    assert_eq!((world.interrupted.len(), world.feeds.len()), (0, feeds + 1));
    assert_eq!(world.feed(), (Feed::Up, Why::Link));
    assert!(world.told.contains("be renewed"), "{}", world.told);
    assert!(world.warnings < 5, "{}", world.warnings);
    world.instead.clear();
    world.run_for(MIN * 3);
    assert_eq!(world.feed(), (Feed::Up, Why::None));
    check_no_gap(&world, feeds + 2);
}

#[test]
fn topics_that_are_refused_meanwhile_are_told_when_the_predecessor_is_left() {
    let mut world = up(10, 1);
    let id = user_id(4);
    world.rejects = Box::new(move |topic| {
        let is_refused = topic.contains(&id);
        is_refused
            .then(|| verdict(topic, false))
            .into_iter()
            .collect()
    });
    world.restart();
    world.run_until(MIN, |world| ends(world, SuccessionEnd::Succeeded) == 1);
    assert_eq!(world.interrupted.len(), 1);
    assert_eq!(world.interrupted[0].1, 1);
    assert_eq!(world.feed(), (Feed::Degraded, Why::PermissionMissing));
    assert_eq!(world.session.topics(), 10);
}

#[test]
fn new_settings_move_everything_to_a_new_wire_and_leave_the_old_one() {
    let mut world = up(1_000, 1);
    let feeds = world.feeds.len();
    let users = world.count("users");
    let wire = world.set(Config::default(), false);
    assert_eq!(wire, WireNo(1));
    world.run_until(MIN, |world| world.wires_left == [WireNo(0)]);
    assert_eq!(ends(&world, SuccessionEnd::Succeeded), 2);
    assert!(
        world
            .succeeded
            .iter()
            .all(|(_, reason)| *reason == SuccessionReason::Settings)
    );
    assert_eq!(
        world.count("users"),
        users + 10,
        "read with the new credentials"
    );
    world.run_for(S);
    check_no_gap(&world, feeds);
    world.run_for(DAY * 2);
    world.run_until(MIN, World::is_up);
    assert_eq!((world.wires_left.len(), world.interrupted.len()), (1, 0));
}

#[test]
fn new_credentials_that_are_refused_leave_the_feed_on_the_old_ones() {
    let mut world = up(10, 1);
    world.refused_wires.insert(WireNo(1));
    world.set(Config::default(), false);
    world.run_for(DAY * 2);
    assert_eq!(world.feed(), (Feed::Up, Why::CredentialsRefused));
    assert_eq!(world.interrupted, []);
    assert!(world.wires_left.is_empty());
    // Corrected; the ones in between are left without having been used.
    world.set(Config::default(), false);
    world.run_until(MIN, |world| world.wires_left.len() == 2);
    world.run_for(S);
    assert_eq!(world.feed(), (Feed::Up, Why::None));
    assert_eq!(world.interrupted, []);
    world.check_up();
    world.check_nothing_left();
}

#[test]
fn a_wire_whose_credentials_died_is_left_all_the_same() {
    let mut world = up(10, 1);
    world.refused_wires.insert(WireNo(0));
    world.revoke_token();
    world.run_for(MIN * 10);
    assert_eq!(world.feed(), (Feed::Down, Why::CredentialsRefused));
    world.set(Config::default(), false);
    let took = world.run_until(MIN, World::is_up);
    assert!(took < S * 5, "{took:?}");
    world.run_until(MIN * 15, |world| world.wires_left == [WireNo(0)]);
    let tokens = world.count("token");
    world.run_for(HOUR);
    assert_eq!(
        world.count("token"),
        tokens,
        "nothing is asked of it any more"
    );
    world.check_up();
}

#[test]
fn channels_lost_now_and_then_are_made_again_at_once() {
    let mut world = up(10, 1);
    for _ in 0..30 {
        world.run_for(MIN * 15);
        world.channels.clear();
        world.cut_oldest(false);
        let took = world.run_until(MIN, World::is_up);
        assert!(took < S * 6, "{took:?}");
    }
}

#[test]
fn an_adapter_with_a_role_keeps_to_its_half_of_the_channels() {
    for role in [Role::Primary, Role::Secondary] {
        let config = Config {
            role: Some(role),
            roster_interval: HOUR,
            seed: 1,
            ..Config::default()
        };
        let mut world = World::with_config(8_200, 0, config);
        world.most_channels = 10;
        world.run_until(MIN * 5, |world| {
            world.feed() == (Feed::Degraded, Why::Limit)
        });
        assert_eq!(
            (world.session.channels(), world.session.unfollowed()),
            (9, 100)
        );
        assert!(
            world.told.contains("more than 9 of the 20"),
            "{}",
            world.told
        );
        world.restart();
        world.run_until(MIN * 3, |world| ends(world, SuccessionEnd::Succeeded) == 9);
        assert_eq!(world.interrupted, []);
    }
}

#[test]
fn a_role_that_is_given_while_running_leaves_what_is_beyond() {
    let config = Config {
        roster_interval: HOUR,
        seed: 1,
        ..Config::default()
    };
    let mut world = World::with_config(9_000, 0, config.clone());
    world.run_until(MIN * 5, World::is_up);
    world.users.retain(|&n| n > 100);
    world.run_for(MIN);
    world.set(
        Config {
            role: Some(Role::Primary),
            ..config
        },
        true,
    );
    assert_eq!(
        (world.session.channels(), world.session.unfollowed()),
        (9, 900)
    );
    world.run_for(S * 10);
    world.check_nothing_left();
    // Room comes with those who leave.
    world.run_until(HOUR * 4, |world| world.session.unfollowed() == 800);
    world.run_for(S * 10);
    assert_eq!(world.session.topics(), 8_100);
}

#[test]
fn who_leaves_the_roster_is_taken_off_the_channel_and_makes_room() {
    let mut world = up(900, 0);
    let feeds = world.feeds.len();
    world.users.retain(|&n| n > 10);
    world.run_for(MIN * 11);
    let topics = |world: &World| -> Vec<usize> {
        let channels = world.channels.values();
        channels.map(|channel| channel.topics.len()).collect()
    };
    assert_eq!(topics(&world), [890]);
    world.users.extend(2_001..=2_010);
    world.run_for(MIN * 6);
    assert_eq!(topics(&world), [900], "the same channel");
    check_no_gap(&world, feeds);
}

#[test]
fn a_channel_that_many_were_taken_off_is_succeeded_since_nobody_says_whether_they_are() {
    let mut world = up(900, 0);
    let feeds = world.feeds.len();
    world.users.retain(|&n| n > 99);
    world.run_for(MIN * 12);
    assert_eq!(world.succeeded.len(), 0);
    world.users.retain(|&n| n > 100);
    world.run_for(MIN * 12);
    assert_eq!(world.succeeded.len(), 1);
    assert_eq!(world.succeeded[0].1, SuccessionReason::TopicsMoved);
    world.run_for(HOUR);
    assert_eq!(world.succeeded.len(), 1);
    check_no_gap(&world, feeds);
}

#[test]
fn a_channel_that_no_one_is_left_on_is_left() {
    let mut world = up(905, 0);
    assert_eq!(world.session.channels(), 2);
    world.users.retain(|&n| n <= 900);
    world.run_for(MIN * 12);
    assert_eq!(world.session.channels(), 1);
    world.check_up();
    world.check_nothing_left();
    world.users.insert(5_000);
    world.run_for(MIN * 6);
    assert_eq!(world.session.channels(), 2);
    world.check_up();
}

#[test]
fn another_program_on_the_client_id_is_counted_and_named() {
    let mut world = up(10, 1);
    let about = |world: &World| -> usize {
        let texts = world.notices.iter().map(|(_, text)| text);
        texts
            .filter(|text| text.contains("Another program uses this client id"))
            .count()
    };
    world.run_for(HOUR * 3);
    assert_eq!((about(&world), world.session.foreign_channels()), (0, 0));
    world.restart();
    world.run_for(HOUR * 2);
    assert_eq!((about(&world), world.session.foreign_channels()), (0, 0));
    world.foreign = BTreeMap::from([("theirs".to_owned(), 1), ("theirs too".to_owned(), 1)]);
    world.run_for(HOUR + MIN);
    assert_eq!((about(&world), world.session.foreign_channels()), (1, 2));
    world.run_for(HOUR * 5);
    assert_eq!(about(&world), 1, "told once");
    // After a loss nobody waits an hour for it.
    world.foreign.insert("a third".to_owned(), 1);
    world.cut_oldest(true);
    world.run_for(S * 10);
    assert_eq!((about(&world), world.session.foreign_channels()), (2, 3));
}

#[test]
fn a_program_that_makes_channels_in_a_loop_is_not_answered_in_kind() {
    // It takes ours as soon as it is there, or minutes later.
    for pause in [S, MIN * 3] {
        let mut world = up(10, 1);
        let start = world.now;
        let creates = world.count("create");
        while world.now < start + HOUR {
            world.run_until(MIN * 3, World::is_up);
            world.run_for(pause);
            world.cut_oldest(true);
        }
        let made = u32::try_from(world.count("create") - creates).unwrap();
        // Every wait is drawn from a minute, in the end.
        let expected = HOUR.as_secs() / (pause.as_secs() + 25);
        assert!(u64::from(made) < expected + 20, "{made} in an hour");
        assert_eq!(world.session.feed(), Feed::Down);
        assert_eq!(world.session.why(), Why::ChannelTaken);
        // It ends, and after a while in peace the next loss is an accident again.
        world.run_until(MIN * 3, World::is_up);
        world.run_for(MIN * 12);
        world.cut_oldest(true);
        assert!(world.run_until(MIN, World::is_up) < S * 4);
    }
}

#[test]
fn a_revoked_token_costs_one_new_one_and_one_channel_each() {
    let mut world = up(1_000, 1);
    world.revoke_token();
    world.tell_all(&SocketEvent::ChannelLost("token_revoked".to_owned()));
    let took = world.run_until(MIN, World::is_up);
    assert!(took < S * 5, "{took:?}");
    assert_eq!((world.count("token"), world.count("create")), (2, 4));
    world.run_for(S);
    world.check_up();
    world.check_nothing_left();
}

/// 19 full channels leave room for one successor at a time. The platform announces that it will close all their sockets, and
/// does so a minute later. Meanwhile as many lines as that allows are succeeded without a gap, one after the other; the
/// others are lost when their socket is, open it again on the same channel, and stand in the ledger, each once.
#[test]
fn nineteen_full_lines_whose_sockets_are_closed_at_once() {
    let config = Config {
        roster_interval: HOUR * 6,
        seed: 1,
        ..Config::default()
    };
    let mut world = World::with_config(17_100, 0, config);
    world.run_until(MIN * 20, |world| {
        world.is_up() && world.session.open_gaps() == 0
    });
    assert_eq!(
        (world.session.channels(), world.session.topics()),
        (19, 17_100)
    );
    let (channels, gaps) = (world.channels.len(), world.gaps.len());
    let announced = world.open_sockets();
    assert_eq!(announced.len(), 19);
    world.tell_all(&SocketEvent::Closing);
    world.run_for(MIN);
    let in_time = ends(&world, SuccessionEnd::Succeeded);
    assert_eq!(ends(&world, SuccessionEnd::Failed), 0);
    // Each takes the overlap of 5 s, and little more.
    assert!(in_time >= 8, "{in_time} were succeeded in time");
    assert_eq!(
        world.interrupted,
        [],
        "nothing was lost before the sockets were"
    );
    let lost = world.cut(&announced);
    assert!(
        lost + in_time == 19 || lost + in_time == 18,
        "{lost} lost, {in_time} not"
    );
    let took = world.run_until(MIN, |world| world.session.topics() == 17_100);
    assert!(took < S * 5, "all are back after {took:?}");
    world.run_until(MIN * 20, |world| {
        world.is_up() && world.session.open_gaps() == 0
    });
    // Whoever was cut off was so once, and stands in the ledger for that; no one else does.
    let cut: usize = world.interrupted.iter().map(|(_, subjects)| subjects).sum();
    let closed = world.gaps[gaps..]
        .iter()
        .filter_map(|(_, change)| match change {
            GapChange::Closed(record) => Some(record),
            _ => None,
        });
    let covered: Vec<_> = closed.collect();
    let users: BTreeSet<_> = covered.iter().flat_map(|gap| gap.users.iter()).collect();
    assert_eq!(
        (covered.len(), users.len(), cut),
        (world.interrupted.len(), cut, cut)
    );
    assert!(cut <= lost * 900, "{cut} of {lost} lines");
    let length = |gap: &&Arc<GapRecord>| gap.length_us(at(world.now).utc) / 1_000_000;
    assert!(
        covered.iter().map(length).all(|seconds| seconds < 60),
        "{covered:?}"
    );
    world.run_for(MIN * 2);
    world.check_up();
    world.check_nothing_left();
    let made = world.channels.len() - channels;
    assert!(
        made <= in_time + 1,
        "{made} channels for {in_time} successions"
    );
}

#[test]
fn a_topic_that_has_whole_requests_refused_stands_in_no_successions_way() {
    for kind in [FailureKind::Forbidden, FailureKind::Refused] {
        let mut world = World::new(300, 1, 1);
        let ids = [user_id(1), user_id(150), user_id(151)];
        let refuses = move |topics: &[Topic]| {
            let mut topics = topics.iter();
            let is_any = topics.any(|topic| ids.iter().any(|id| topic.as_str().contains(id)));
            is_any.then_some(kind)
        };
        world.refuses = Box::new(refuses);
        world.run_until(MIN * 5, |world| {
            world.session.topics() == 298
                && world.feed() == (Feed::Degraded, Why::PermissionMissing)
        });
        let (feeds, asked) = (world.feeds.len(), world.count("subscribe"));
        world.restart();
        world.run_until(MIN, |world| ends(world, SuccessionEnd::Succeeded) == 1);
        assert_eq!(ends(&world, SuccessionEnd::Failed), 0);
        assert_eq!(world.count("subscribe") - asked, 1, "without the three");
        assert_eq!(world.session.rejected().count(), 3);
        assert_eq!((world.interrupted.len(), world.feeds.len()), (0, feeds));
        // They are asked for again, whoever was asked for last, and come back.
        world.refuses = Box::new(|_| None);
        world.run_until(HOUR * 2, World::is_up);
        world.check_up();
    }
}
