//! Many seeds, everything going wrong: whatever happened, the feed comes up once it stops.

use super::platform::*;
use crate::session::Config;

/// The longest that anything waits: an answer that never comes (300 s), a `Retry-After`, back-offs of a minute in a row.
const BOUND: std::time::Duration = std::time::Duration::from_secs(15 * 60);

fn world(seed: u64) -> World {
    // Most are small, so that many can be played; some need a second channel.
    let users = if seed % 16 == 15 {
        1_000
    } else {
        [3, 12, 40, 110][usize::try_from(seed % 4).unwrap()]
    };
    let config = Config {
        requests_per_minute: [12, 270][usize::try_from(seed / 4 % 2).unwrap()],
        roster_interval: S * 1_200,
        seed,
        ..Config::default()
    };
    let mut world = World::with_config(users, 10, config);
    // Those whose sockets will be closed wait for no other.
    world.most_successors = 20;
    world.token_life = [S * 300, DAY][usize::try_from(seed / 8 % 2).unwrap()];
    world.channel_life = [S * 900, DAY][usize::try_from(seed / 16 % 2).unwrap()];
    world.channels_end_with_token = (seed / 32).is_multiple_of(2);
    let n = 1 + u64::from(seed.trailing_ones()) * 30;
    world.faults = Faults {
        failure: n * 3,
        lost_answer: n / 2,
        odd_answer: n * 2,
        handshake: n * 3,
        socket: n,
        platform: n / 2,
    };
    world
}

/// Enough to meet every kind of world once; `GCA_SEEDS=1000` plays more.
fn seeds() -> u64 {
    std::env::var("GCA_SEEDS").map_or(64, |n| n.parse().expect("GCA_SEEDS is a number"))
}

/// Faults for a while, then none; `rounds` times.
fn play(world: &mut World, rounds: u32, stormy: std::time::Duration, calm: std::time::Duration) {
    let faults = world.faults;
    for round in 0..rounds {
        world.faults = faults;
        world.run_for(stormy / 3);
        world.restart();
        world.run_for(stormy / 3);
        world.restart();
        let config = world.config.clone();
        world.set(config, round % 2 == 1);
        world.run_for(stormy / 3);
        // Someone joins, someone leaves.
        world.users.insert(10_000 + round);
        world.users.pop_first();
        world.faults = Faults::default();
        world.run_for(BOUND.max(calm));
        // A roster reading may just be at work, a channel just being replaced: then it is up in a moment.
        world.run_until(BOUND, |world| {
            world.is_up() && world.session.users() >= world.users.len()
        });
    }
    // What has just been read has just been subscribed, and who was missing twice has left.
    world.run_for(S * 2_500);
    world.run_until(BOUND, World::is_up);
    world.run_for(S * 3);
    // While one channel takes over from another, both have the topics.
    world.run_until(BOUND, |world| {
        world.is_up() && world.session.successions() == 0
    });
    world.check_up();
    world.check_sockets();
}

#[test]
fn after_any_storm_the_feed_comes_up_again() {
    for seed in 0..seeds() {
        let mut world = world(seed);
        let hours = HOUR / 2;
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            play(&mut world, 2, hours, S)
        }))
        .is_err()
        {
            panic!(
                "seed {seed}: {:?}",
                world.notices.iter().rev().take(20).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn weeks_of_it_leave_nothing_behind() {
    let worlds = usize::try_from(seeds() / 64).unwrap().clamp(1, 3);
    for seed in [9, 22, 3].into_iter().take(worlds) {
        let mut world = world(seed);
        play(&mut world, 14, HOUR * 24, HOUR * 12);
        assert!(world.requests.len() > 10_000);
        // Books of what is long over do not grow.
        assert!(world.session.asked.len() < 30);
        assert!(world.session.left.len() < 20);
    }
}

#[test]
fn the_same_seed_gives_the_same_transcript() {
    let transcript = |seed| {
        let mut world = world(seed);
        world.transcript = Some(String::new());
        world.run_for(HOUR * 2);
        world.transcript.unwrap()
    };
    for seed in [1, 7, 9] {
        let first = transcript(seed);
        assert!(first.len() > 10_000);
        assert!(first == transcript(seed), "seed {seed}");
    }
    assert!(
        transcript(1) != transcript(33),
        "and another seed another one"
    );
}
