//! The ledger and the reads for it, one promise a test.

use std::time::Duration;

use super::platform::*;
use crate::model::feed::{Feed, Why};
use crate::model::gap::{GapCause, GapId, GapRecord, ShortfallKind};
use crate::model::id::{ConversationId, UserId};
use crate::model::order::{FailureKind, Reply, SocketEvent};
use crate::session::{Config, GapChange, LiveCall};

fn up(users: u32) -> World {
    let mut world = World::new(users, 1, 1);
    world.run_until(MIN * 5, World::is_up);
    world
}

/// What became of gaps, in short: what, which, when it was told.
fn steps(world: &World) -> Vec<(&'static str, u64, Duration)> {
    let short = |(at, change): &(Duration, GapChange)| {
        let (what, record) = parts(change);
        (what, record.id.0, *at)
    };
    world.gaps.iter().map(short).collect()
}

fn parts(change: &GapChange) -> (&'static str, &GapRecord) {
    match change {
        GapChange::Opened(record) => ("opened", record),
        GapChange::Ended(record) => ("ended", record),
        GapChange::Closed(record) => ("closed", record),
    }
}

/// The last thing that is known of a gap.
fn record(world: &World, id: u64) -> &GapRecord {
    let of_gap = world.gaps.iter().rev().map(|(_, change)| parts(change).1);
    let mut of_gap = of_gap.filter(|record| record.id == GapId(id));
    of_gap.next().unwrap()
}

fn is_closed(world: &World, id: u64) -> bool {
    let mut changes = world.gaps.iter();
    changes.any(|(_, change)| matches!(change, GapChange::Closed(record) if record.id.0 == id))
}

fn micros(of: Duration) -> i64 {
    at(of).utc.0
}

#[test]
fn the_first_gap_goes_from_the_start_and_is_closed_after_the_second_pass() {
    let mut world = World::new(300, 2, 1);
    let start = world.now;
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    let words: Vec<_> = steps(&world).iter().map(|step| (step.0, step.1)).collect();
    assert_eq!(words, [("opened", 1), ("ended", 1), ("closed", 1)]);
    let record = record(&world, 1);
    assert_eq!(record.cause, GapCause::Start);
    assert_eq!(record.from.0, micros(start));
    assert_eq!((record.users.len(), record.queues.len()), (300, 2));
    let ended = steps(&world)[1].2;
    assert_eq!(record.to.unwrap().0, micros(ended));
    assert!(world.now - ended >= MIN * 2, "{:?}", world.now - ended);
    // Twice those that ended and those that go on; the users and their history when the start is over.
    assert_eq!(world.count("read details"), 4);
    assert_eq!(world.count("read users"), 3);
    assert_eq!(world.count("read history"), 3);
    assert_eq!(world.session.open_gaps(), 0);
}

#[test]
fn a_loss_is_entered_from_the_last_frame_less_the_overlap_and_the_feed_recovers() {
    let mut world = up(10);
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    world.frames();
    let heard = world.now;
    world.run_for(S * 7);
    world.feeds.clear();
    world.live = vec![LiveCall {
        id: "call".into(),
        users: vec![UserId::from(user_id(3))],
        queues: vec![],
    }];
    world.tells.user = Some(UserId::from(user_id(3)));
    world.cut_all();
    world.run_until(MIN, World::is_up);
    let feeds: Vec<_> = world
        .feeds
        .iter()
        .map(|(_, feed, why, _)| (*feed, *why))
        .collect();
    assert_eq!(
        feeds,
        [
            (Feed::Down, Why::Link),
            (Feed::Recovering, Why::None),
            (Feed::Up, Why::None)
        ]
    );
    world.run_until(MIN * 5, |world| is_closed(world, 2));
    let record = record(&world, 2);
    assert_eq!(record.cause, GapCause::Lost);
    assert!(record.detail.contains("Link"), "{}", record.detail);
    assert_eq!(record.from.0, micros(heard - S * 5));
    assert_eq!(record.users.len(), 10);
    assert_eq!(world.count("read conversation"), 1);
    assert_eq!(record.recovered_events(), 1);
    assert!(record.reads >= 1 + 1 + 2, "{record:?}");
    assert!(
        record
            .shortfalls
            .iter()
            .all(|shortfall| shortfall.kind == ShortfallKind::Untold)
    );
}

#[test]
fn a_link_that_falls_silent_is_a_gap_from_its_last_frame() {
    let mut world = up(10);
    world.run_for(MIN * 5);
    world.frames();
    let heard = world.now;
    world.silent = true;
    world.run_until(MIN * 2, |world| !world.is_up());
    assert!(world.now - heard > S * 30);
    world.silent = false;
    world.run_until(MIN * 10, |world| is_closed(world, 2));
    assert_eq!(record(&world, 2).from.0, micros(heard - S * 5));
}

#[test]
fn six_lines_that_are_cut_at_once_are_six_gaps_that_are_read_together() {
    let mut world = up(5_000);
    world.run_until(MIN * 20, |world| is_closed(world, 1));
    let (details, users) = (world.count("read details"), world.count("read users"));
    world.cut_all();
    world.run_until(MIN * 20, |world| (2..=7).all(|id| is_closed(world, id)));
    let covered: usize = (2..=7).map(|id| record(&world, id).users.len()).sum();
    assert_eq!(covered, 5_000);
    assert_eq!(world.count("read users") - users, 50, "nobody twice");
    let sweeps = (world.count("read details") - details) / 2;
    assert!(sweeps < 2 * 6, "{sweeps} sweeps");
}

#[test]
fn a_loss_while_another_is_read_forgets_neither() {
    let mut world = up(10);
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    world.cut_all();
    world.run_until(MIN, |world| !world.is_up());
    world.run_until(MIN, World::is_up);
    // In the time between the two passes.
    world.run_for(MIN);
    world.link_down = true;
    world.cut_all();
    world.run_for(MIN * 5);
    assert!(!is_closed(&world, 2), "what is to be read cannot be");
    world.link_down = false;
    world.run_until(MIN * 10, |world| is_closed(world, 2) && is_closed(world, 3));
    let (first, second) = (record(&world, 2), record(&world, 3));
    assert!(first.to.unwrap() < second.from);
    assert!(second.length_us(at(world.now).utc) > 5 * 60 * 1_000_000);
}

#[test]
fn refused_reads_are_named_with_their_permission_and_hold_nothing_up() {
    let mut world = World::new(10, 1, 1);
    for word in ["read details", "read details", "read users", "read history"] {
        let refused = Reply::Failed(failure(FailureKind::Forbidden));
        world.instead.push_back((word, refused));
    }
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    assert_eq!(world.feed(), (Feed::Up, Why::None));
    let record = record(&world, 1);
    for permission in [
        "analytics:conversationDetail:view",
        "directory:user:view",
        "analytics:userDetail:view",
    ] {
        let names = record.shortfalls.iter().filter(|shortfall| {
            shortfall.kind == ShortfallKind::PermissionMissing
                && shortfall.text.contains(permission)
        });
        assert_eq!(names.count(), 1, "{permission}: {:?}", record.shortfalls);
    }
}

#[test]
fn reads_that_the_platform_fails_at_for_ever_end_as_a_shortfall_and_no_later_gap_waits_for_ever() {
    let mut world = up(10);
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    let failing = ["read details", "read history"];
    world.fails = failing.map(|word| (word, FailureKind::Server)).into();
    world.cut_all();
    world.run_for(HOUR);
    assert_eq!(world.feed(), (Feed::Recovering, Why::None));
    world.cut_all();
    world.run_until(HOUR * 30, |world| {
        is_closed(world, 2) && is_closed(world, 3)
    });
    for id in [2, 3] {
        let shortfalls = &record(&world, id).shortfalls;
        for doing in ["details of conversations", "history of users"] {
            let says = shortfalls.iter().filter(|shortfall| {
                shortfall.kind == ShortfallKind::Unreadable
                    && shortfall.text.contains(doing)
                    && shortfall.text.contains("6 hours")
            });
            assert_eq!(says.count(), 1, "{doing}: {shortfalls:?}");
        }
    }
    assert!(world.is_up());
    // A trouble that passes within that time costs nothing.
    world.cut_all();
    world.run_for(HOUR * 5);
    assert!(!is_closed(&world, 4));
    world.fails.clear();
    world.run_until(MIN * 10, |world| is_closed(world, 4));
    let kinds = (record(&world, 4).shortfalls.iter()).map(|shortfall| shortfall.kind);
    assert_eq!(kinds.collect::<Vec<_>>(), [ShortfallKind::Untold]);
}

#[test]
fn refused_persistent_connections_stand_in_the_entries_of_whom_they_concern() {
    let mut world = World::new(10, 1, 1);
    world.rejects = Box::new(|topic| {
        let of_three = topic.starts_with(&format!("v2.users.{}", user_id(3)));
        let part = format!("v2.users.{}.persistentconnection", user_id(3));
        if of_three && topic.contains("persistentconnection") {
            vec![verdict(topic, true), verdict(&part, false)]
        } else {
            vec![]
        }
    });
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    let shortfalls = &record(&world, 1).shortfalls;
    let missing = shortfalls.iter().filter(|shortfall| {
        shortfall.kind == ShortfallKind::PermissionMissing
            && shortfall.text.contains("persistent connections of 1 users")
            && shortfall.text.contains("x:y:view")
    });
    assert_eq!(missing.count(), 1, "{shortfalls:?}");
    // Who is not concerned has none.
    world.users.insert(11);
    world.run_until(MIN * 20, |world| is_closed(world, 2));
    let untold = |kind| kind == ShortfallKind::Untold;
    let shortfalls = &record(&world, 2).shortfalls;
    assert!(
        shortfalls.iter().all(|one| untold(one.kind)),
        "{shortfalls:?}"
    );
}

#[test]
fn refused_topics_stand_in_the_ledger_until_they_are_permitted() {
    let mut world = World::new(10, 1, 1);
    let id = user_id(3);
    world.rejects = Box::new(move |topic| {
        let is_refused = topic.contains(&id);
        is_refused
            .then(|| verdict(topic, false))
            .into_iter()
            .collect()
    });
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    let refused = record(&world, 2);
    assert_eq!(refused.cause, GapCause::Refused);
    assert!(refused.detail.contains("x:y:view"), "{}", refused.detail);
    assert_eq!(&*refused.users, [UserId::from(user_id(3))]);
    assert_eq!(
        refused.from,
        record(&world, 1).from,
        "nothing of it was ever heard"
    );
    assert_eq!(record(&world, 1).users.len(), 9);
    world.run_for(HOUR / 2);
    assert_eq!(refused_gap(&world).to, None);
    // Somebody grants the permission.
    world.rejects = Box::new(|_| vec![]);
    world.run_until(HOUR * 3, |world| is_closed(world, 2));
    assert_eq!(world.session.open_gaps(), 0);
}

fn refused_gap(world: &World) -> &GapRecord {
    record(world, 2)
}

#[test]
fn who_joins_is_entered_and_the_feed_stays_up() {
    let mut world = up(10);
    world.run_until(MIN * 12, |world| is_closed(world, 1));
    world.feeds.clear();
    world.users.insert(11);
    world.run_until(MIN * 20, |world| is_closed(world, 2));
    let joined = record(&world, 2);
    assert_eq!(joined.cause, GapCause::Joined);
    assert_eq!(&*joined.users, [UserId::from(user_id(11))]);
    let length = joined.length_us(at(world.now).utc);
    assert!(length >= 300_000_000, "since the reading before: {length}");
    assert!(
        world.feeds.iter().all(|(_, feed, ..)| *feed == Feed::Up),
        "{:?}",
        world.feeds
    );
}

#[test]
fn who_leaves_the_roster_stays_named_in_the_gap_which_waits_for_them_no_longer() {
    let mut world = up(10);
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    world.refuses = Box::new(|_| Some(FailureKind::Server));
    world.channels.clear();
    world.cut_all();
    world.run_for(MIN);
    world.users.remove(&10);
    world.run_for(MIN * 12);
    assert_eq!(world.removed.len(), 1);
    world.refuses = Box::new(|_| None);
    world.run_until(MIN * 20, |world| is_closed(world, 2));
    assert_eq!(record(&world, 2).users.len(), 10);
}

#[test]
fn a_succession_is_no_gap() {
    let mut world = up(300);
    world.run_for(DAY * 2);
    assert!(!world.ended.is_empty(), "there were successions");
    let words: Vec<_> = steps(&world).iter().map(|step| (step.0, step.1)).collect();
    assert_eq!(words, [("opened", 1), ("ended", 1), ("closed", 1)]);
}

#[test]
fn quiet_calls_are_read_within_the_budget_and_each_once_in_its_time() {
    let mut world = up(10);
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    let quiet = || (0..50).map(|n| format!("quiet-{n}").into()).collect();
    for _ in 0..9 {
        world.session.handle_quiet(quiet(), at(world.now));
        world.run_for(MIN);
    }
    assert_eq!(world.count("read conversation"), 50);
    for _ in 0..3 {
        world.session.handle_quiet(quiet(), at(world.now));
        world.run_for(MIN);
    }
    assert_eq!(world.count("read conversation"), 100);
}

#[test]
fn those_whose_end_a_gap_hid_are_read_within_the_budget_and_the_gap_is_closed() {
    let mut world = up(10);
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    let before = world.count("read conversation");
    world.cut_all();
    world.run_until(MIN, World::is_up);
    let now = at(world.now).utc;
    let ended = (0..400).map(|n| (format!("ended-{n}").into(), now));
    world.endings = ended.collect();
    let since = world.now;
    world.run_until(MIN * 20, |world| is_closed(world, 2));
    assert_eq!(world.count("read conversation") - before, 400);
    // 189 a minute is what the budget leaves to them.
    assert!(world.now - since < MIN * 5, "{:?}", world.now - since);
    assert_eq!(record(&world, 2).recovered_events(), 800);
}

/// 404 says little at once: the platform's index may lag. Twice, ten minutes apart, while no topic shows it: it is gone.
#[test]
fn a_call_that_the_platform_does_not_know_is_gone_when_it_does_not_know_it_twice() {
    let mut world = up(10);
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    world.unknown = ["gone".into(), "heard".into(), "back".into()].into();
    let quiet = |world: &mut World, ids: &[&str], minutes: u32| {
        for _ in 0..minutes {
            let ids = ids.iter().map(|id| ConversationId::from(*id)).collect();
            world.session.handle_quiet(ids, at(world.now));
            world.run_for(MIN);
        }
    };
    let start = world.now;
    quiet(&mut world, &["back", "gone", "heard"], 5);
    // Something is heard of one, and it falls quiet again.
    quiet(&mut world, &["back", "gone"], 1);
    world.unknown.remove("back");
    quiet(&mut world, &["back", "gone", "heard"], 6);
    assert_eq!(world.gone.len(), 1, "{:?}", world.gone);
    let (at, gone) = &world.gone[0];
    assert_eq!(gone.as_str(), "gone");
    assert!(
        (MIN * 10..MIN * 12).contains(&(*at - start)),
        "{:?}",
        *at - start
    );
    let says =
        |(_, notice): &&(Duration, String)| notice.contains("does not know conversation gone");
    assert_eq!(world.notices.iter().filter(says).count(), 1);
    world.unknown.insert("back".into());
    quiet(&mut world, &["back", "heard"], 9);
    let gone: Vec<_> = world.gone.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(gone, ["gone", "heard"]);
    quiet(&mut world, &["back"], 13);
    assert_eq!(
        world.gone.len(),
        3,
        "known in between, it is not known twice again"
    );
}

#[test]
fn numbers_go_on_from_an_earlier_life() {
    let config = Config {
        last_gap: GapId(41),
        seed: 1,
        ..Config::default()
    };
    let mut world = World::with_config(10, 1, config);
    world.run_until(MIN * 5, |world| is_closed(world, 42));
}

#[test]
fn the_time_without_an_adapter_is_a_gap_that_is_read_with_the_start() {
    let start = World::new(1, 1, 1).now;
    let config = Config {
        last_gap: GapId(40),
        covered_until: Some(at(start - S * 600).utc),
        ..Config::default()
    };
    let mut world = World::with_config(150, 1, config);
    world.live = vec![LiveCall {
        id: "kept".into(),
        users: vec![UserId::from("who left the organization")],
        queues: vec![],
    }];
    world.run_until(MIN, World::is_up);
    let downtime = record(&world, 42);
    assert_eq!(downtime.cause, GapCause::Downtime);
    assert_eq!(downtime.from.0, micros(start - S * 605));
    assert_eq!(downtime.to.unwrap().0, micros(start));
    assert_eq!((downtime.users.len(), downtime.queues.len()), (150, 1));
    // Whoever the call is of, it is asked for: one at a time, so perhaps a little later. What users did is read at once;
    // how they are was just told.
    world.run_until(MIN, |world| world.count("read conversation") == 1);
    assert_eq!(world.count("read details"), 2);
    assert_eq!(world.count("read history"), 2);
    assert_eq!(world.count("read users"), 0);
    world.run_until(MIN * 5, |world| {
        is_closed(world, 41) && is_closed(world, 42)
    });
    assert_eq!(world.count("read details"), 4);
    assert_eq!(world.session.open_gaps(), 0);
}

#[test]
fn the_feed_is_covered_up_to_the_frame_of_the_line_that_is_silent_for_longest_while_it_is_whole() {
    // Two lines.
    let mut world = World::new(1_000, 1, 1);
    assert_eq!(world.session.covered_until(), None);
    world.run_until(MIN * 5, World::is_up);
    world.run_for(S * 3);
    world.frames();
    let heard = world.now;
    assert_eq!(world.session.covered_until(), Some(at(heard).utc));
    world.run_for(S * 2);
    world.tell_newest(SocketEvent::Activity);
    assert_eq!(world.session.covered_until(), Some(at(heard).utc));
    world.frames();
    assert_eq!(world.session.covered_until(), Some(at(world.now).utc));
    // What was missed is not covered before it was read.
    let before = world.now;
    world.cut_oldest(false);
    assert_eq!(world.session.covered_until(), None);
    world.run_until(MIN * 5, |world| world.session.covered_until().is_some());
    assert!(world.is_up());
    assert!(world.now >= before + S, "{:?}", world.now - before);
}

#[test]
fn a_session_after_a_defect_has_what_no_one_heard_meanwhile_in_its_first_gap() {
    let mut world = up(10);
    world.run_for(MIN);
    world.frames();
    assert_eq!(world.session.heard_until(), Some(at(world.now).utc));
    // Another world, which begins at second 1,000.
    let config = Config {
        heard_until: Some(at(S * 900).utc),
        ..world.config.clone()
    };
    let mut next = World::with_config(10, 1, config);
    next.run_until(MIN * 5, |next| is_closed(next, 1));
    let first = record(&next, 1);
    assert_eq!(
        (first.cause, first.from),
        (GapCause::Start, at(S * 895).utc)
    );
}

#[test]
fn rows_of_the_roster_that_cannot_be_read_are_counted_until_they_can_be() {
    let mut world = World::new(10, 1, 1);
    let Reply::Users(mut page) = world.users_page(1) else {
        panic!("a page of users");
    };
    page.rows.truncate(8);
    page.unread = 2;
    world.instead.push_back(("users", Reply::Users(page)));
    world.run_until(MIN, World::is_up);
    assert_eq!((world.session.users(), world.session.unread_rows()), (8, 2));
    world.run_until(MIN * 10, |world| world.session.users() == 10);
    assert_eq!(world.session.unread_rows(), 0);
}

#[test]
fn a_list_that_is_refused_does_not_keep_the_start_open() {
    let mut world = World::new(10, 1, 1);
    for _ in 0..100 {
        let refused = Reply::Failed(failure(FailureKind::Forbidden));
        world.instead.push_back(("queues", refused));
    }
    world.run_until(MIN * 5, |world| is_closed(world, 1));
    assert_eq!(record(&world, 1).users.len(), 10);
    // Whom it names once it is permitted was missed from the start.
    world.instead.clear();
    world.run_until(MIN * 10, |world| is_closed(world, 2));
    let joined = record(&world, 2);
    assert_eq!(joined.cause, GapCause::Joined);
    assert_eq!(joined.from, record(&world, 1).from);
    assert_eq!((joined.users.len(), joined.queues.len()), (0, 1));
}
