//! The reading of gaps without a session around it: a platform in a few lines answers what is asked.

use super::super::sweep::{LONGEST_CALL_US, MARGIN_US, MOST_PAGES};
use super::*;
use crate::model::order::{DetailsHead, Page};

const S: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Now {
    Now {
        elapsed: S * seconds,
        utc: micros(seconds),
    }
}

fn micros(seconds: u32) -> UtcMicros {
    UtcMicros(i64::from(seconds) * 1_000_000)
}

fn gap(id: u64, cause: GapCause, users: u32, from: u32, to: u32) -> GapRecord {
    GapRecord {
        id: GapId(id),
        cause,
        detail: "".into(),
        from: micros(from),
        to: Some(micros(to)),
        opened: micros(from),
        closed: None,
        users: (0..users)
            .map(|n| UserId::from(format!("u{n:04}")))
            .collect(),
        queues: [].into(),
        reads: 0,
        recovered: BTreeMap::new(),
        shortfalls: vec![],
    }
}

fn row(id: &str, ended: Option<u32>) -> (BodyText, DetailsHead) {
    let head = DetailsHead {
        id: Some(id.into()),
        ended: ended.map(micros),
    };
    (BodyText::from(id), head)
}

fn page(rows: Vec<(BodyText, DetailsHead)>) -> Reply {
    let (bodies, heads) = rows.into_iter().unzip();
    Reply::ConversationDetails(DetailsPage {
        bodies,
        heads,
        total: None,
    })
}

fn history(rows: usize) -> Reply {
    Reply::UserDetails(DetailsPage {
        bodies: vec![BodyText::from("{}"); rows],
        heads: vec![],
        total: None,
    })
}

fn users() -> Reply {
    Reply::Users(Page {
        rows: vec![],
        unread: 0,
        number: 1,
        of: 1,
    })
}

fn failure(kind: FailureKind) -> Failure {
    Failure {
        kind,
        status: None,
        retry_after: None,
        message: "no".to_owned(),
    }
}

fn call(id: &str) -> LiveCall {
    LiveCall {
        id: id.into(),
        users: vec![],
        queues: vec![],
    }
}

fn ids(numbers: &[u64]) -> BTreeSet<GapId> {
    numbers.iter().map(|&n| GapId(n)).collect()
}

/// A platform that has nothing to tell, and calls that know one conversation: answers all that is asked now. Returns
/// what was asked, in short, and what came out.
fn answer_all(recovery: &mut Recovery, now: Now) -> (Vec<String>, Vec<Output>) {
    let (mut asked, mut outputs) = (vec![], vec![]);
    loop {
        while let Some(output) = recovery.poll() {
            if let Output::AskLive(gaps) = &output {
                recovery.live(gaps, vec![call("live")], now);
            }
            outputs.push(output);
        }
        let Some((lane, request)) =
            (Lane::ALL.into_iter()).find_map(|lane| Some((lane, recovery.request(lane)?)))
        else {
            return (asked, outputs);
        };
        let (text, reply) = match request {
            Request::ConversationDetails {
                only_open, page: n, ..
            } => (
                format!("details {} {n}", if only_open { "open" } else { "ended" }),
                page(vec![]),
            ),
            Request::UsersById { ids } => (format!("users {}", ids.len()), users()),
            Request::Conversation { id } => (
                format!("conversation {id}"),
                Reply::Conversation("{}".into()),
            ),
            Request::UserDetails { users, .. } => (format!("history {}", users.len()), history(0)),
            other => panic!("{other:?}"),
        };
        asked.push(text);
        assert!(recovery.take(lane, reply, now));
    }
}

fn new() -> Recovery {
    Recovery::new(S * 120, S * 600)
}

fn done(outputs: &[Output]) -> Vec<u64> {
    let done = outputs.iter().filter_map(|output| match output {
        Output::Done(id, _) => Some(id.0),
        _ => None,
    });
    done.collect()
}

#[test]
fn a_gap_is_read_when_it_has_ended_and_once_more_after_the_delay_of_analytics() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 150, 100, 200), at(200));
    assert!(recovery.is_reading());
    assert_eq!(recovery.advance(at(200)), Some(S * 201));
    assert!(answer_all(&mut recovery, at(200)).0.is_empty());
    assert_eq!(recovery.advance(at(201)), None);
    let (asked, outputs) = answer_all(&mut recovery, at(201));
    assert_eq!(
        asked,
        [
            "details ended 1",
            "details open 1",
            "users 100",
            "users 50",
            "conversation live",
            "history 100",
            "history 50"
        ]
    );
    assert_eq!(done(&outputs), [0; 0]);
    assert!(
        !recovery.is_reading(),
        "the feed is up while analytics catch up"
    );
    assert_eq!(recovery.advance(at(202)), Some(S * 320));
    recovery.advance(at(320));
    let (asked, outputs) = answer_all(&mut recovery, at(320));
    assert_eq!(
        asked,
        [
            "details ended 1",
            "details open 1",
            "history 100",
            "history 50"
        ]
    );
    assert_eq!(done(&outputs), [1]);
    let Some(Output::Done(_, shortfalls)) = outputs.last() else {
        panic!("{outputs:?}");
    };
    assert_eq!(shortfalls.len(), 1);
    assert_eq!(shortfalls[0].kind, ShortfallKind::Untold);
}

#[test]
fn the_start_reads_calls_at_once_and_users_when_it_is_over() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Start, 300, 100, 110), at(110));
    recovery.advance(at(111));
    let (asked, outputs) = answer_all(&mut recovery, at(111));
    assert_eq!(
        asked,
        ["details ended 1", "details open 1", "conversation live"]
    );
    let snapshot = |output: &Output| !matches!(output, Output::Read { source, .. } if *source != Source::Snapshot);
    assert!(outputs.iter().all(snapshot), "{outputs:?}");
    recovery.advance(at(230));
    let (asked, outputs) = answer_all(&mut recovery, at(230));
    assert_eq!(asked.len(), 2 + 3 + 3, "{asked:?}");
    assert_eq!(done(&outputs), [1]);
}

#[test]
fn gaps_that_end_together_are_read_together_and_one_that_ends_during_a_read_waits_for_the_next() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 2, 100, 200), at(200));
    recovery.begin(&gap(2, GapCause::Lost, 2, 150, 201), at(201));
    recovery.advance(at(202));
    let request = recovery.request(Lane::Details);
    assert_eq!(
        request,
        Some(Request::ConversationDetails {
            from: UtcMicros(micros(100).0 - CLOCKS_US - LONGEST_CALL_US),
            to: UtcMicros(micros(201).0 + CLOCKS_US + MARGIN_US),
            only_open: false,
            page: 1
        })
    );
    // The third ends while the first two are read.
    recovery.begin(&gap(3, GapCause::Lost, 2, 202, 203), at(203));
    recovery.advance(at(204));
    recovery.take(Lane::Details, page(vec![row("a", None)]), at(204));
    let read = recovery.poll();
    assert!(
        matches!(&read, Some(Output::Read { gaps, .. }) if *gaps == ids(&[1, 2])),
        "{read:?}"
    );
    let (asked, _) = answer_all(&mut recovery, at(204));
    let details = asked
        .iter()
        .filter(|text| text.starts_with("details"))
        .count();
    assert_eq!(
        details,
        2 + 2,
        "the rest of the first, and one of its own: {asked:?}"
    );
    recovery.advance(at(330));
    assert_eq!(done(&answer_all(&mut recovery, at(330)).1), [1, 2, 3]);
}

#[test]
fn pages_that_shift_tell_each_conversation_once_and_go_on_until_what_ended_before() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 1_100, 1_200), at(1_200));
    recovery.advance(at(1_201));
    let mut pages = [
        vec![row("open", None), row("e", Some(1_190))],
        vec![row("e", Some(1_190)), row("d", Some(1_150))],
        vec![
            row("d", Some(1_150)),
            row("old", Some(799)),
            row("c", Some(1_120)),
        ],
    ]
    .into_iter();
    let mut told = vec![];
    for n in 1..=3 {
        let request = recovery.request(Lane::Details);
        assert!(
            matches!(request, Some(Request::ConversationDetails { page, only_open: false, .. }) if page == n),
            "{request:?}"
        );
        recovery.take(Lane::Details, page(pages.next().unwrap()), at(1_201));
        while let Some(output) = recovery.poll() {
            if let Output::Read {
                what: ReadBody::ConversationDetails(bodies),
                ..
            } = output
            {
                told.extend(bodies.iter().map(|body| body.to_string()));
            }
        }
    }
    assert_eq!(told, ["open", "e", "d", "c"]);
    let request = recovery.request(Lane::Details);
    assert!(
        matches!(
            request,
            Some(Request::ConversationDetails {
                page: 1,
                only_open: true,
                ..
            })
        ),
        "{request:?}"
    );
}

/// Answers both passes; the first question after details as `details` says. Returns how many pages that took, and what a
/// closed gap goes without, but for what no read tells.
fn shortfalls_of(details: impl Fn(bool, u32) -> Reply) -> (u32, Vec<Shortfall>) {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 100, 200), at(200));
    recovery.advance(at(201));
    let mut requests = 0;
    while let Some(request) = recovery.request(Lane::Details) {
        let Request::ConversationDetails {
            only_open, page, ..
        } = request
        else {
            panic!("{request:?}");
        };
        recovery.take(Lane::Details, details(only_open, page), at(201));
        requests += 1;
        assert!(requests <= 2 * MOST_PAGES);
    }
    answer_all(&mut recovery, at(201));
    recovery.advance(at(400));
    let (_, mut outputs) = answer_all(&mut recovery, at(400));
    let Some(Output::Done(_, mut shortfalls)) = outputs.pop() else {
        panic!("{outputs:?}");
    };
    shortfalls.retain(|shortfall| shortfall.kind != ShortfallKind::Untold);
    (requests, shortfalls)
}

#[test]
fn a_platform_that_repeats_its_page_for_ever_is_left_and_the_gap_says_so() {
    let (requests, shortfalls) = shortfalls_of(|_, _| page(vec![row("a", None)]));
    assert!(requests < 20);
    let kinds: Vec<_> = shortfalls.iter().map(|shortfall| shortfall.kind).collect();
    assert_eq!(kinds, [ShortfallKind::Unread; 2], "{shortfalls:?}");
    let says = |words: &str| shortfalls.iter().any(|one| one.text.contains(words));
    assert!(says("that ended") && says("that go on"), "{shortfalls:?}");
}

#[test]
fn a_platform_that_has_more_pages_than_are_read_leaves_a_shortfall() {
    let endless = |only_open: bool, n: u32| match only_open {
        false => page(vec![row(&format!("c{n}"), None)]),
        true => page(vec![]),
    };
    let (requests, shortfalls) = shortfalls_of(endless);
    assert_eq!(requests, MOST_PAGES + 1);
    assert_eq!(shortfalls.len(), 1, "{shortfalls:?}");
    assert_eq!(shortfalls[0].kind, ShortfallKind::Unread);
    assert!(shortfalls[0].text.contains("2000 pages"), "{shortfalls:?}");
}

/// Whoever goes on since less than two days was named by the question before.
#[test]
fn those_that_go_on_are_asked_for_to_the_end_though_many_of_them_were_named_before() {
    let pages = |only_open: bool, n: u32| match (only_open, n) {
        (false, 1..=5) | (true, 1..=5) => page(vec![row(&format!("c{n}"), None)]),
        (true, 6) => page(vec![row("older", None)]),
        _ => page(vec![]),
    };
    assert_eq!(shortfalls_of(pages), (6 + 7, vec![]));
}

#[test]
fn a_history_that_has_more_pages_than_are_read_leaves_a_shortfall() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 100, 100, 200), at(200));
    recovery.advance(at(201));
    let mut pages = 0;
    while recovery.wants(Lane::History) {
        recovery.request(Lane::History);
        // Fewer rows than users, for ever: not even one a page would do.
        recovery.history.rows = 0;
        recovery.take(Lane::History, history(1), at(201));
        pages += 1;
        assert!(pages <= MOST_PAGES);
    }
    let outputs = std::iter::from_fn(|| recovery.poll());
    let refused = outputs.filter(|output| matches!(output, Output::Refused(_)));
    assert_eq!((pages, refused.count()), (MOST_PAGES, 1));
}

#[test]
fn a_refusal_is_noted_with_its_permission_and_the_rest_is_read() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 250, 100, 200), at(200));
    recovery.advance(at(201));
    for lane in [Lane::Details, Lane::Users, Lane::History] {
        assert!(recovery.request(lane).is_some());
        assert!(recovery.fail(lane, &failure(FailureKind::Forbidden), true, at(201)));
        assert!(!recovery.wants(lane), "{lane:?}");
    }
    let (asked, _) = answer_all(&mut recovery, at(201));
    assert_eq!(asked, ["conversation live"]);
    recovery.advance(at(400));
    let (_, outputs) = answer_all(&mut recovery, at(400));
    let Some(Output::Done(_, shortfalls)) = outputs.last() else {
        panic!("{outputs:?}");
    };
    for lane in [Lane::Details, Lane::Users, Lane::History] {
        let names = |shortfall: &&Shortfall| {
            shortfall.kind == ShortfallKind::PermissionMissing
                && shortfall.text.contains(lane.permission())
        };
        assert_eq!(shortfalls.iter().filter(names).count(), 1, "{shortfalls:?}");
    }
}

#[test]
fn trouble_that_passes_is_no_shortfall() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 3, 100, 200), at(200));
    recovery.advance(at(201));
    for kind in [
        FailureKind::Link,
        FailureKind::Server,
        FailureKind::RateLimited,
        FailureKind::TokenRefused,
    ] {
        for lane in [Lane::Details, Lane::Users, Lane::History] {
            let before = recovery.request(lane);
            assert!(
                !recovery.fail(lane, &failure(kind), false, at(201)),
                "{kind:?}"
            );
            assert_eq!(recovery.request(lane), before, "the same again");
        }
    }
}

/// Fails at what the lane asks, once a minute from second `from` on, and answers the other lanes. Returns when something was
/// given up.
fn fail_from(recovery: &mut Recovery, lane: Lane, kind: FailureKind, from: u32) -> u32 {
    (from..from + 100 * 3_600)
        .step_by(60)
        .find(|&seconds| {
            recovery.advance(at(seconds));
            assert!(recovery.request(lane).is_some(), "it asks again");
            recovery.fail(lane, &failure(kind), true, at(seconds))
        })
        .expect("given up at last")
}

#[test]
fn what_the_platform_fails_at_for_hours_is_given_up_and_what_waits_has_its_turn() {
    const HOUR: u32 = 3_600;
    for kind in [
        FailureKind::Server,
        FailureKind::RateLimited,
        FailureKind::Link,
    ] {
        for lane in [Lane::Details, Lane::Users, Lane::History] {
            let mut recovery = new();
            recovery.begin(&gap(1, GapCause::Lost, 150, 100, 200), at(200));
            recovery.advance(at(201));
            assert!(recovery.request(lane).is_some());
            // Another gap ends meanwhile, and waits behind the first.
            recovery.begin(&gap(2, GapCause::Lost, 0, HOUR, 2 * HOUR), at(2 * HOUR));
            let given_up = fail_from(&mut recovery, lane, kind, 201);
            assert!((6 * HOUR..7 * HOUR).contains(&given_up), "{given_up}");
            // What waits fares better.
            let (asked, _) = answer_all(&mut recovery, at(given_up));
            assert!(!asked.is_empty(), "{lane:?}");
            let later = at(given_up + HOUR);
            recovery.advance(later);
            let (_, outputs) = answer_all(&mut recovery, later);
            let closed: BTreeSet<u64> = done(&outputs).into_iter().collect();
            assert_eq!(closed, [1, 2].into(), "{lane:?} {kind:?}");
            let of = |id| {
                outputs.iter().find_map(|output| match output {
                    Output::Done(of, shortfalls) if *of == GapId(id) => Some(shortfalls),
                    _ => None,
                })
            };
            let says = |shortfall: &&Shortfall| {
                shortfall.kind == ShortfallKind::Unreadable
                    && shortfall.text.starts_with(lane.doing())
                    && shortfall.text.contains("6 hours")
            };
            let count = |id| of(id).unwrap().iter().filter(says).count();
            assert_eq!((count(1), count(2)), (1, 0), "{lane:?} {outputs:?}");
        }
    }
}

/// The second half of a platform's bad day: what waited for hours is tried a few times, what did not keeps its time.
#[test]
fn a_gap_that_ends_while_the_platform_fails_has_its_own_six_hours() {
    const HOUR: u32 = 3_600;
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 100, 200), at(200));
    recovery.advance(at(201));
    let first = fail_from(&mut recovery, Lane::Details, FailureKind::Server, 201);
    let end = first + 2 * HOUR;
    recovery.begin(&gap(2, GapCause::Lost, 0, end - 60, end), at(end));
    recovery.advance(at(end + 1));
    let second = fail_from(&mut recovery, Lane::Details, FailureKind::Server, end + 1);
    assert!(
        (end + 6 * HOUR..end + 7 * HOUR).contains(&second),
        "{second}"
    );
}

#[test]
fn single_conversations_that_are_put_off_for_hours_are_given_up() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 100, 200), at(200));
    recovery.advance(at(201));
    for _ in 0..2 {
        recovery.request(Lane::Details);
        recovery.take(Lane::Details, page(vec![]), at(201));
    }
    recovery.live(&ids(&[1]), vec![call("a")], at(201));
    fail_from(&mut recovery, Lane::Live, FailureKind::RateLimited, 201);
    assert!(!recovery.wants(Lane::Live));
}

#[test]
fn what_was_wanted_again_while_its_read_failed_is_read_for_all_its_gaps() {
    let server = || failure(FailureKind::Server);
    let mut recovery = new();
    // Two gaps, one after the other, of a conversation that goes on; and one of which the first pass told the end twice.
    for (id, from, to) in [(1, 100, 200), (2, 205, 210)] {
        recovery.begin(&gap(id, GapCause::Lost, 0, from, to), at(to));
        recovery.advance(at(to + 1));
        for _ in 0..2 {
            recovery.request(Lane::Details);
            recovery.take(Lane::Details, page(vec![]), at(to + 1));
        }
        recovery.live(&ids(&[id]), vec![call("a")], at(to + 1));
        // The read is under way, and fails when it is wanted for the second gap too.
        let request = recovery.request(Lane::Live);
        assert!(matches!(request, Some(Request::Conversation { .. })));
    }
    assert!(!recovery.fail(Lane::Live, &server(), true, at(211)));
    let ended = [(ConversationId::from("b"), Some(micros(207)))];
    for _ in 0..2 {
        let ended = ended.iter().map(|(id, at)| (id, *at));
        recovery.ended(&ids(&[2]), ended, at(211));
        while let Some(Request::Conversation { id }) = recovery.request(Lane::Live) {
            if &*id.to_string() == "b" {
                break;
            }
            recovery.take(Lane::Live, Reply::Conversation("{}".into()), at(211));
        }
    }
    assert!(!recovery.fail(Lane::Live, &server(), true, at(211)));
    let mut closed = vec![];
    for now in [211, 330, 340] {
        recovery.advance(at(now));
        closed.extend(done(&answer_all(&mut recovery, at(now)).1));
    }
    assert_eq!(closed, [1, 2]);
    assert_eq!(recovery.backlog(), 0);
}

#[test]
fn what_the_platform_does_not_know_any_more_is_counted_and_holds_nothing_up() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 100, 200), at(200));
    recovery.advance(at(201));
    for _ in 0..2 {
        recovery.request(Lane::Details);
        recovery.take(Lane::Details, page(vec![]), at(201));
    }
    let outputs: Vec<Output> = std::iter::from_fn(|| recovery.poll()).collect();
    assert_eq!(outputs.last(), Some(&Output::AskLive(ids(&[1]))));
    let live = ["a", "b", "c", "a"].map(call).to_vec();
    recovery.live(&ids(&[1]), live, at(201));
    let mut asked = vec![];
    while let Some(Request::Conversation { id }) = recovery.request(Lane::Live) {
        asked.push(id.to_string());
        match asked.len() {
            1 => assert!(recovery.fail(Lane::Live, &failure(FailureKind::NotFound), true, at(201))),
            // It is put off, and read later.
            2 => assert!(!recovery.fail(Lane::Live, &failure(FailureKind::Server), true, at(201))),
            _ => assert!(recovery.take(Lane::Live, Reply::Conversation("{}".into()), at(201))),
        }
    }
    assert_eq!(asked, ["a", "b", "c", "b"]);
    recovery.advance(at(400));
    let (_, outputs) = answer_all(&mut recovery, at(400));
    let Some(Output::Done(_, shortfalls)) = outputs.last() else {
        panic!("{outputs:?}");
    };
    let unknown = |shortfall: &&Shortfall| shortfall.kind == ShortfallKind::Unknown;
    let unknown: Vec<_> = shortfalls.iter().filter(unknown).collect();
    assert_eq!(unknown.len(), 1);
    assert!(
        unknown[0].text.starts_with("1 conversations"),
        "{unknown:?}"
    );
}

#[test]
fn only_conversations_that_a_gap_concerns_are_read_for_it() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 2, 100, 200), at(200));
    recovery.begin(&gap(2, GapCause::Lost, 4, 100, 200), at(200));
    recovery.advance(at(201));
    for _ in 0..2 {
        recovery.request(Lane::Details);
        recovery.take(Lane::Details, page(vec![]), at(201));
    }
    let of = |id: &str, user: &str| LiveCall {
        users: vec![user.into()],
        ..call(id)
    };
    let live = vec![
        of("both", "u0001"),
        of("second", "u0003"),
        of("other", "u0009"),
    ];
    recovery.live(&ids(&[1, 2]), live, at(201));
    let mut read = |id: &str| {
        let request = recovery.request(Lane::Live);
        assert_eq!(request, Some(Request::Conversation { id: id.into() }));
        recovery.take(Lane::Live, Reply::Conversation("{}".into()), at(201));
        let outputs = std::iter::from_fn(|| recovery.poll());
        let gaps = outputs.filter_map(|output| match output {
            Output::Read { gaps, .. } => Some(gaps),
            _ => None,
        });
        gaps.last().unwrap()
    };
    assert_eq!(read("both"), ids(&[1, 2]));
    assert_eq!(read("second"), ids(&[2]));
    assert_eq!(recovery.request(Lane::Live), None);
}

#[test]
fn conversations_that_nobody_may_read_are_asked_for_a_few_times_only() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 100, 200), at(200));
    recovery.advance(at(201));
    for _ in 0..2 {
        recovery.request(Lane::Details);
        recovery.take(Lane::Details, page(vec![]), at(201));
    }
    let live = (0..500).map(|n| call(&format!("c{n}")));
    recovery.live(&ids(&[1]), live.collect(), at(201));
    let mut asked = 0;
    while recovery.request(Lane::Live).is_some() {
        asked += 1;
        recovery.fail(Lane::Live, &failure(FailureKind::Forbidden), true, at(201));
    }
    assert_eq!(asked, TRIES);
    assert!(!recovery.is_reading());
    let outputs = std::iter::from_fn(|| recovery.poll());
    let refused = outputs.filter(|output| matches!(output, Output::Refused(_)));
    assert_eq!(refused.count(), 1, "said once");
}

#[test]
fn a_quiet_conversation_is_read_once_in_its_interval_and_for_no_gap() {
    let mut recovery = new();
    let quiet = || vec![ConversationId::from("q")];
    recovery.quiet(quiet(), at(1_000));
    recovery.quiet(quiet(), at(1_060));
    let (asked, outputs) = answer_all(&mut recovery, at(1_060));
    assert_eq!(asked, ["conversation q"]);
    assert!(
        matches!(&outputs[..], [Output::Read { gaps, source: Source::Recovered, .. }] if gaps.is_empty())
    );
    recovery.quiet(quiet(), at(1_599));
    assert!(answer_all(&mut recovery, at(1_599)).0.is_empty());
    recovery.quiet(quiet(), at(1_600));
    assert_eq!(answer_all(&mut recovery, at(1_600)).0, ["conversation q"]);
    // One that may not be read is asked for once an hour.
    recovery.quiet(quiet(), at(2_200));
    recovery.request(Lane::Live);
    recovery.fail(
        Lane::Live,
        &failure(FailureKind::Forbidden),
        true,
        at(2_200),
    );
    recovery.quiet(quiet(), at(5_000));
    assert!(answer_all(&mut recovery, at(5_000)).0.is_empty());
}

/// Reads what the first pass asks of details, and tells these ends.
fn with_ends(recovery: &mut Recovery, ends: &[(ConversationId, UtcMicros)], now: Now) {
    let _ = recovery.request(Lane::Details);
    recovery.take(Lane::Details, page(vec![row("x", None)]), now);
    let ends = ends.iter().map(|(id, at)| (id, Some(*at)));
    recovery.ended(&ids(&[1]), ends, now);
}

#[test]
fn those_whose_end_a_gap_hid_are_read_after_those_that_go_on_the_last_to_end_first() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 1_000, 1_100), at(1_100));
    recovery.advance(at(1_101));
    let ends = [("a", 1_050), ("b", 1_090), ("before", 600)];
    let ends = ends.map(|(id, at)| (ConversationId::from(id), micros(at)));
    with_ends(&mut recovery, &ends, at(1_101));
    let (asked, _) = answer_all(&mut recovery, at(1_101));
    let single = |text: &&String| text.starts_with("conversation");
    let single: Vec<_> = asked.iter().filter(single).collect();
    assert_eq!(
        single,
        ["conversation live", "conversation b", "conversation a"]
    );
    // What the second pass tells first is read too, and the gap waits for it.
    recovery.advance(at(1_220));
    let late = [("late".into(), micros(1_095))];
    with_ends(&mut recovery, &late, at(1_220));
    let (asked, outputs) = answer_all(&mut recovery, at(1_220));
    let single = |text: &&String| text.starts_with("conversation");
    assert_eq!(asked.iter().find(single).unwrap(), "conversation late");
    assert_eq!(done(&outputs), [1]);
}

#[test]
fn a_gap_that_hid_more_ends_than_can_be_read_is_closed_and_says_how_many() {
    let mut recovery = new();
    recovery.begin(&gap(1, GapCause::Lost, 0, 10_000, 20_000), at(20_000));
    recovery.advance(at(20_001));
    let id = |n: u32| ConversationId::from(format!("c{n:04}"));
    let ends: Vec<_> = (0..4_000).map(|n| (id(n), micros(20_000 - n))).collect();
    with_ends(&mut recovery, &ends, at(20_001));
    let mut outputs = vec![];
    let mut read = |recovery: &mut Recovery, lane, reply| {
        assert!(recovery.request(lane).is_some());
        recovery.take(lane, reply, at(20_002));
        while let Some(output) = recovery.poll() {
            if let Output::AskLive(gaps) = &output {
                recovery.live(gaps, vec![], at(20_002));
            }
            outputs.push(output);
        }
    };
    for _ in 0..2 {
        read(&mut recovery, Lane::Details, page(vec![]));
    }
    for _ in 0..1_000 {
        read(&mut recovery, Lane::Live, Reply::Conversation("{}".into()));
    }
    // Its second pass does not wait for them; then their time is over.
    assert!(
        recovery
            .advance(at(20_100))
            .is_some_and(|next| next == S * 20_120)
    );
    recovery.advance(at(20_120));
    assert!(recovery.wants(Lane::Details));
    for _ in 0..2 {
        read(&mut recovery, Lane::Details, page(vec![]));
    }
    assert_eq!(done(&outputs), [0; 0]);
    assert_eq!(recovery.advance(at(20_121)), Some(S * (20_001 + 900)));
    recovery.advance(at(20_901));
    let done = std::iter::from_fn(|| recovery.poll()).last();
    let Some(Output::Done(_, shortfalls)) = done else {
        panic!("{done:?}");
    };
    let unread = |shortfall: &&Shortfall| shortfall.kind == ShortfallKind::Unread;
    let unread = shortfalls.iter().find(unread).unwrap();
    assert!(unread.text.starts_with("3000 conversations"), "{unread:?}");
    assert!(!recovery.wants(Lane::Live));
}

#[test]
fn of_a_gap_of_days_in_which_others_flowed_no_call_is_read_that_is_told_and_forgotten() {
    const HOUR: u32 = 3_600;
    for (cause, calls_from, unread) in [
        (GapCause::Lost, 1_000, 0),
        (GapCause::Refused, 78 * HOUR, 1),
        (GapCause::NoRoom, 78 * HOUR, 1),
    ] {
        let mut recovery = new();
        let to = at(100 * HOUR);
        recovery.begin(&gap(1, cause, 1, 1_000, 100 * HOUR), to);
        recovery.advance(at(100 * HOUR + 2));
        let begins = |request: Option<Request>| match request {
            Some(Request::ConversationDetails { from, .. } | Request::UserDetails { from, .. }) => {
                from
            }
            other => panic!("{other:?}"),
        };
        let details = begins(recovery.request(Lane::Details));
        assert_eq!(
            details.0,
            micros(calls_from).0 - CLOCKS_US - LONGEST_CALL_US,
            "{cause:?}"
        );
        let history = begins(recovery.request(Lane::History));
        assert_eq!(history.0, micros(1_000).0 - CLOCKS_US, "{cause:?}");
        answer_all(&mut recovery, at(100 * HOUR + 2));
        recovery.advance(at(100 * HOUR + 300));
        let (_, outputs) = answer_all(&mut recovery, at(100 * HOUR + 300));
        let Some(Output::Done(_, shortfalls)) = outputs.last() else {
            panic!("{outputs:?}");
        };
        let is_unread = |shortfall: &&Shortfall| shortfall.kind == ShortfallKind::Unread;
        assert_eq!(shortfalls.iter().filter(is_unread).count(), unread);
    }
}
