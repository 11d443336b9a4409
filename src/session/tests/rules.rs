//! What operators rule: how often a request is repeated, when the day's restart is, and what other settings change.

use std::time::Duration;

use jiff::civil::{Time, time};
use jiff::tz::TimeZone;

use super::platform::*;
use crate::model::feed::{Feed, Why};
use crate::model::order::{FailureKind, Reply};
use crate::model::role::Role;
use crate::model::succession::{SuccessionEnd, SuccessionReason};
use crate::session::{Config, DailyRestart, Session, Spent};
use crate::settings::RetryRules;

fn with_retries(max_retry: u32, before_backoff: u32, plain: Duration) -> Config {
    Config {
        retry: RetryRules {
            max_retry,
            max_retries_before_backoff: before_backoff,
            max_retry_time: HOUR,
            default_retry_after: plain,
            backoff_interval: Some(MIN),
        },
        ..Config::default()
    }
}

fn unavailable() -> Reply {
    let mut failure = failure(FailureKind::Server);
    failure.status = Some(503);
    Reply::Failed(failure)
}

fn instead(world: &mut World, word: &'static str, replies: &[Reply]) {
    let replies = replies.iter().map(|reply| (word, reply.clone()));
    world.instead.extend(replies);
}

/// From one request to the next, in tenths of a second, without what the answers took.
fn waits(world: &World, word: &str) -> Vec<u128> {
    let times = world.times(word);
    let apart = times.windows(2).map(|pair| pair[1] - pair[0]);
    apart
        .map(|wait| wait.as_millis().saturating_sub(20) / 1_000)
        .collect()
}

/// After a defect in the library another session begins; the platform counts on.
#[test]
fn a_session_goes_on_with_what_the_one_before_left_of_the_budget() {
    let config = Config {
        requests_per_minute: 1,
        ..Config::default()
    };
    let mut world = World::with_config(10, 1, config.clone());
    world.run_for(S);
    assert_eq!(world.requests.len(), 1);
    let spent = world.session.spent();
    for (spent, is_asked) in [(spent, false), (Spent::default(), true)] {
        let config = Config {
            spent,
            ..config.clone()
        };
        let mut next = Session::new(config, at(world.now));
        assert_eq!(next.poll_order().is_some(), is_asked);
        let asks_at = world.requests[0].0 + MIN;
        next.handle_timeout(at(asks_at));
        assert_ne!(
            next.poll_order().is_some(),
            is_asked,
            "a minute after the first"
        );
    }
}

#[test]
fn a_request_is_repeated_by_the_keys_and_then_backs_off_by_itself() {
    let mut world = World::with_config(10, 1, with_retries(3, 2, S * 5));
    instead(&mut world, "queues", &vec![unavailable(); 4]);
    world.run_until(MIN, |world| world.count("queues") == 4);
    assert_eq!(
        waits(&world, "queues"),
        [5, 5, 3],
        "twice plainly, once backed off"
    );
    assert_eq!(world.warnings, 0, "nobody is alarmed while it is repeated");
    world.run_until(MIN, World::is_up);
    assert_eq!(
        waits(&world, "queues"),
        [5, 5, 3, 0],
        "then by the adapter's own rule"
    );
    assert_eq!(world.warnings, 1);
}

#[test]
fn a_list_goes_on_at_its_page_and_each_page_has_its_own_repetitions() {
    let mut world = World::with_config(300, 1, with_retries(2, 2, S));
    instead(&mut world, "users 2", &[unavailable(), unavailable()]);
    instead(&mut world, "users 3", &[unavailable(), unavailable()]);
    world.run_until(MIN, World::is_up);
    assert_eq!(world.times("users 1").len(), 1);
    assert_eq!(waits(&world, "users 2"), [1, 1]);
    assert_eq!(waits(&world, "users 3"), [1, 1]);
    assert_eq!(world.warnings, 0);
}

#[test]
fn a_channel_is_not_made_again_by_the_keys_unless_none_was_made() {
    let broken = Reply::Failed(failure(FailureKind::Link));
    let mut world = World::with_config(10, 1, with_retries(5, 5, S * 20));
    instead(&mut world, "create", &[broken]);
    world.run_until(MIN, World::is_up);
    assert!(
        waits(&world, "create")[0] <= 1,
        "the adapter's own back-off"
    );
    let mut world = World::with_config(10, 1, with_retries(5, 5, S * 20));
    instead(&mut world, "create", &[unavailable()]);
    world.run_until(MIN, World::is_up);
    assert_eq!(waits(&world, "create"), [20]);
}

#[test]
fn repetitions_are_orders_under_the_budget() {
    // The small region fails the test when the rate is exceeded.
    let mut world = World::with_config(
        10,
        1,
        Config {
            requests_per_minute: 20,
            ..with_retries(1_000, 1_000, Duration::ZERO)
        },
    );
    world.run_until(MIN, World::is_up);
    world.link_down = true;
    world.cut_all();
    let before = world.requests.len();
    world.run_for(MIN * 20);
    let asked = world.requests.len() - before;
    assert!(
        (300..=420).contains(&asked),
        "{asked}: repeated at once, as often as the budget has it"
    );
    world.link_down = false;
    world.run_until(MIN * 5, World::is_up);
    world.check_up();
}

#[test]
fn the_defaults_leave_everything_to_the_back_off() {
    let mut world = World::new(10, 1, 1);
    instead(&mut world, "queues", &[unavailable()]);
    world.run_until(MIN, World::is_up);
    assert!(waits(&world, "queues")[0] <= 1);
    assert_eq!(world.warnings, 1);
}

/// Zero of the world's time is 2026-11-18T11:06:40Z.
fn restarting_at(time: Time, role: Option<Role>) -> Config {
    Config {
        restart: Some(DailyRestart {
            time,
            zone: TimeZone::UTC,
            role,
        }),
        ..Config::default()
    }
}

fn scheduled(world: &World) -> Vec<u64> {
    let ends = world.ended.iter();
    let scheduled = ends.filter(|(_, reason, _)| *reason == SuccessionReason::Scheduled);
    scheduled
        .map(|(at, _, end)| {
            assert_eq!(*end, SuccessionEnd::Succeeded);
            at.as_secs() / 60
        })
        .collect()
}

#[test]
fn every_day_everything_is_renewed_without_a_gap() {
    // Midday is at 3,200 s.
    let mut world = World::with_config(2_000, 20, restarting_at(time(12, 0, 0, 0), None));
    world.run_until(MIN * 5, World::is_up);
    let (feeds, tokens) = (world.feeds.len(), world.count("token"));
    world.run_for(S * 3_190 - world.now);
    assert_eq!(scheduled(&world), [0; 0]);
    let pages = world.count("users");
    world.run_for(MIN * 2);
    assert_eq!(scheduled(&world).len(), 3, "each connection once");
    assert!(
        scheduled(&world)
            .iter()
            .all(|minute| (53..55).contains(minute))
    );
    assert_eq!(world.count("token"), tokens + 1);
    assert!(
        world.count("users") >= pages + 20,
        "the roster is read, too"
    );
    assert_eq!(world.interrupted, []);
    assert_eq!(world.feeds.len(), feeds, "and the feed stays up");
    world.check_up();
    world.run_for(DAY * 2);
    let days: Vec<u64> = scheduled(&world)
        .iter()
        .map(|minute| (minute - 53) / (24 * 60))
        .collect();
    assert_eq!(days, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
}

#[test]
fn a_secondary_restarts_an_hour_after_the_primary() {
    for (role, first) in [(Role::Primary, 53), (Role::Secondary, 113)] {
        let mut world = World::with_config(10, 1, restarting_at(time(12, 0, 0, 0), Some(role)));
        world.run_for(HOUR * 12);
        assert_eq!(scheduled(&world), [first], "{role:?}");
    }
}

#[test]
fn a_restart_that_is_due_while_the_link_is_down_is_not_forgotten_and_not_doubled() {
    let mut world = World::with_config(10, 1, restarting_at(time(12, 0, 0, 0), None));
    world.run_until(MIN * 5, World::is_up);
    world.run_for(MIN * 40);
    world.link_down = true;
    world.run_for(MIN * 20);
    world.link_down = false;
    world.run_until(MIN * 5, World::is_up);
    let tokens = world.count("token");
    world.run_for(HOUR * 12);
    assert!(world.count("token") <= tokens + 1);
    assert_eq!(world.feed(), (Feed::Up, Why::None));
    world.check_up();
}
