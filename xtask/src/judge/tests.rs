use super::record::{Offer, Start, State};
use super::truth::Outage;
use super::*;

const SECOND: i64 = 1_000_000;

/// A run of 20 s in which one call is offered, answered, held, retrieved and ended, and an agent goes to a break;
/// the host saw all of it.
struct Record {
    truth: Truth,
    lines: Vec<Line>,
}

impl Record {
    fn new() -> Self {
        let mut record = Self {
            truth: Truth::default(),
            lines: Vec::new(),
        };
        record.state(0, "up", "none");
        for (at_s, act, event) in [
            (1, "alerting", "delivered"),
            (2, "connected", "established"),
            (4, "held", "held"),
            (5, "retrieved", "retrieved"),
            (6, "held", "held"),
            (7, "retrieved", "retrieved"),
            (9, "disconnected", "connection_cleared"),
        ] {
            record.act(at_s, act, "call-1", "agent-1");
            record.event(at_s, event, "call-1", "agent-1");
        }
        record.act(9, "conversation_ended", "call-1", "");
        record.event(9, "call_cleared", "call-1", "");
        record.agent(10, "Break");
        record.state(20, "down", "stopped");
        record.lines.push(Line::End);
        record
    }

    fn act(&mut self, at_s: i64, kind: &str, conversation: &str, participant: &str) {
        self.truth.acts.push(Act {
            time: at_s * SECOND,
            kind: kind.to_owned(),
            conversation: conversation.to_owned(),
            participant: participant.to_owned(),
            topics: vec!["v2.users.u.conversations".into()],
            sent: vec!["v2.users.u.conversations".into()],
            script: "an inbound call".to_owned(),
            settled: true,
            ..Act::default()
        });
    }

    fn event(&mut self, at_s: i64, kind: &str, conversation: &str, participant: &str) {
        let sequence = self.events().count() as u64 + 1;
        self.lines.push(Line::Event(Box::new(Event {
            at_us: at_s * SECOND + 100,
            received_time_us: at_s * SECOND,
            kind: kind.to_owned(),
            feed_id: "f".to_owned(),
            sequence,
            id: format!("{sequence:032x}"),
            source: "live".to_owned(),
            conversation_id: conversation.to_owned(),
            participant_id: participant.to_owned(),
            ..Event::default()
        })));
    }

    fn agent(&mut self, at_s: i64, presence: &str) {
        self.act(at_s, "presence", "", "");
        self.event(at_s, "agent_presence", "", "");
        if let Some(act) = self.truth.acts.last_mut() {
            act.user = "u".to_owned();
            act.detail = presence.to_owned();
        }
        if let Some(event) = self.events_mut().last() {
            event.user_id = "u".to_owned();
            event.raw = presence.to_uppercase();
            event.platform_time_us = Some(at_s * SECOND);
        }
    }

    fn state(&mut self, at_s: i64, feed: &str, why: &str) {
        self.lines.push(Line::State(State {
            at_us: at_s * SECOND,
            time_us: at_s * SECOND,
            feed: feed.to_owned(),
            why: why.to_owned(),
        }));
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.lines.iter().filter_map(|line| match line {
            Line::Event(event) => Some(&**event),
            _ => None,
        })
    }

    fn events_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Event> {
        self.lines.iter_mut().filter_map(|line| match line {
            Line::Event(event) => Some(&mut **event),
            _ => None,
        })
    }

    /// Takes the n-th event of a kind out of the host's record and closes the gap in the numbers.
    fn without(mut self, kind: &str, n: usize) -> Self {
        let place = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| matches!(line, Line::Event(e) if e.kind == kind))
            .nth(n)
            .map(|(place, _)| place);
        self.lines
            .remove(place.expect("the record holds such an event"));
        for (number, event) in self.events_mut().enumerate() {
            event.sequence = number as u64 + 1;
        }
        self
    }

    fn judge(&self) -> Verdict {
        self.judged().verdict
    }

    fn judged(&self) -> Judgement {
        judge(&self.lines, &self.truth, None)
    }

    /// The host was told of a gap, and perhaps of its end; the last line comes after it.
    fn gap(&mut self, id: u64, from_s: i64, to_s: Option<i64>, user: &str) {
        let end = self.lines.split_off(self.lines.len() - 2);
        for (kind, to) in [("gap_opened", None), ("gap_closed", to_s)] {
            if kind == "gap_closed" && to.is_none() {
                continue;
            }
            self.event(to.unwrap_or(from_s + 1), kind, "", "");
            if let Some(event) = self.events_mut().last() {
                event.id = format!("{kind} {id}");
                event.gap_id = id;
                event.gap_from_us = from_s * SECOND;
                event.gap_to_us = to.map(|to| to * SECOND);
                event.reason = LOST[0].to_owned();
                event.json.gap.users = vec![user.to_owned()];
            }
        }
        self.lines.extend(end);
    }

    fn outage(&mut self, from_s: i64, to_s: Option<i64>) {
        self.truth.outages.push(Outage {
            from: from_s * SECOND,
            to: to_s.map(|to| to * SECOND),
            topics: vec!["v2.users.u.conversations".to_owned()],
        });
    }
}

#[test]
fn a_complete_record_passes() {
    let verdict = Record::new().judge();
    assert!(verdict.pass, "{verdict:?}");
    assert_eq!((verdict.calls, verdict.events, verdict.scripts), (1, 9, 1));
    assert_eq!((verdict.p50_us, verdict.p99_us), (100, 100));
}

#[test]
fn any_event_that_is_missing_is_found() {
    for (kind, n) in [
        ("delivered", 0),
        ("established", 0),
        ("held", 0),
        ("held", 1),
        ("retrieved", 1),
        ("connection_cleared", 0),
        ("call_cleared", 0),
        ("agent_presence", 0),
    ] {
        let verdict = Record::new().without(kind, n).judge();
        assert!(!verdict.pass, "{kind}");
        assert_eq!((verdict.missing, verdict.invented), (1, 0), "{kind}");
    }
}

#[test]
fn a_number_that_is_skipped_without_a_word_is_missing() {
    let mut record = Record::new();
    if let Some(event) = record.events_mut().last() {
        event.sequence += 1;
    }
    let verdict = record.judge();
    assert!(!verdict.pass);
    assert_eq!(verdict.missing, 1);
}

#[test]
fn an_event_without_an_act_is_invented() {
    for (kind, conversation, participant) in [
        ("established", "call-2", "x"),
        ("muted", "call-1", "agent-1"),
    ] {
        let mut record = Record::new();
        record.event(11, kind, conversation, participant);
        let verdict = record.judge();
        assert!(!verdict.pass, "{kind}");
        assert_eq!((verdict.invented, verdict.duplicates), (1, 0), "{kind}");
    }
}

#[test]
fn an_event_of_an_unheard_of_kind_is_invented() {
    let mut record = Record::new();
    record.event(11, "teleported", "call-1", "agent-1");
    assert_eq!(record.judge().invented, 1);
}

#[test]
fn an_id_that_comes_again_is_a_duplicate() {
    let mut record = Record::new();
    record.event(9, "call_cleared", "call-1", "");
    let id = record
        .events()
        .find(|e| e.kind == "call_cleared")
        .map(|e| e.id.clone());
    if let (Some(event), Some(id)) = (record.events_mut().last(), id) {
        event.id = id;
    }
    let verdict = record.judge();
    assert!(!verdict.pass);
    assert_eq!((verdict.duplicates, verdict.invented), (1, 0));
}

#[test]
fn the_same_fact_under_two_ids_is_a_duplicate() {
    for kind in ["established", "call_cleared", "held"] {
        let mut record = Record::new();
        let party = if kind == "call_cleared" {
            ""
        } else {
            "agent-1"
        };
        record.event(11, kind, "call-1", party);
        let verdict = record.judge();
        assert!(!verdict.pass, "{kind}");
        assert_eq!((verdict.duplicates, verdict.invented), (1, 0), "{kind}");
    }
}

#[test]
fn an_agent_state_that_comes_again_under_another_id_is_a_duplicate() {
    let mut record = Record::new();
    record.agent(10, "Break");
    record.truth.acts.pop();
    let verdict = record.judge();
    assert!(!verdict.pass);
    assert_eq!(verdict.duplicates, 1);
}

#[test]
fn a_station_found_at_the_start_is_not_the_one_taken_later() {
    let mut record = Record::new();
    for (at_s, source) in [(0, "snapshot"), (11, "live")] {
        record.event(at_s, "station_associated", "", "");
        if let Some(event) = record.events_mut().last() {
            event.user_id = "u".to_owned();
            event.station_id = "desk".to_owned();
            event.source = source.to_owned();
        }
    }
    record.act(11, "station_associated", "", "");
    if let Some(act) = record.truth.acts.last_mut() {
        act.user = "u".to_owned();
        act.detail = "desk".to_owned();
    }
    let verdict = record.judge();
    assert!(verdict.pass, "{verdict:?}");
}

#[test]
fn a_station_that_was_taken_unseen_takes_nothing_from_the_time_it_was_seen() {
    for came in [true, false] {
        let mut record = Record::new();
        if came {
            record.event(15, "station_associated", "", "");
        }
        if let Some(event) = record.events_mut().last().filter(|_| came) {
            event.user_id = "u".to_owned();
            event.station_id = "desk".to_owned();
        }
        for (at_s, is_seen) in [(8, false), (15, true)] {
            record.act(at_s, "station_associated", "", "");
            let Some(act) = record.truth.acts.last_mut() else {
                continue;
            };
            act.user = "u".to_owned();
            act.detail = "desk".to_owned();
            if !is_seen {
                act.sent.clear();
                act.settled = false;
            }
        }
        let verdict = record.judge();
        assert_eq!(
            (verdict.pass, verdict.missing),
            (came, usize::from(!came)),
            "{verdict:?}"
        );
    }
}

#[test]
fn an_event_of_a_station_is_of_nothing_that_happened_after_it() {
    for (told_s, missing) in [(&[8][..], 1), (&[15], 0), (&[8, 15], 0)] {
        let mut record = Record::new();
        for (at_s, is_seen) in [(4, false), (7, false), (15, true)] {
            record.act(at_s, "station_associated", "", "");
            let Some(act) = record.truth.acts.last_mut() else {
                continue;
            };
            act.user = "u".to_owned();
            act.detail = if at_s == 7 { "sofa" } else { "desk" }.to_owned();
            if !is_seen {
                act.sent.clear();
                act.settled = false;
            }
        }
        let end = record.lines.split_off(record.lines.len() - 2);
        for at_s in told_s {
            record.event(*at_s, "station_associated", "", "");
            if let Some(event) = record.events_mut().last() {
                event.user_id = "u".to_owned();
                event.station_id = "desk".to_owned();
            }
        }
        record.lines.extend(end);
        let judgement = record.judged();
        assert_eq!(
            (judgement.verdict.missing, judgement.verdict.duplicates),
            (missing, 0),
            "{told_s:?}: {judgement:?}"
        );
    }
}

#[test]
fn a_station_that_was_found_is_left_to_the_older_fact() {
    let mut record = Record::new();
    for at_s in [11, 13] {
        record.act(at_s, "station_associated", "", "");
        if let Some(act) = record.truth.acts.last_mut() {
            act.user = "u".to_owned();
            act.detail = "desk".to_owned();
        }
    }
    let end = record.lines.split_off(record.lines.len() - 2);
    for (at_s, source) in [(11, "snapshot"), (13, "live")] {
        record.event(at_s, "station_associated", "", "");
        if let Some(event) = record.events_mut().last() {
            event.user_id = "u".to_owned();
            event.station_id = "desk".to_owned();
            event.source = source.to_owned();
        }
    }
    record.lines.extend(end);
    let judgement = record.judged();
    assert!(judgement.verdict.pass, "{judgement:?}");
}

#[test]
fn a_state_that_was_read_after_a_gap_may_be_older_than_the_record_and_then_only() {
    for (at_s, passes) in [(0, true), (5, false)] {
        let mut record = Record::new();
        let end = record.lines.split_off(record.lines.len() - 2);
        record.event(12, "agent_presence", "", "");
        if let Some(event) = record.events_mut().last() {
            event.user_id = "u".to_owned();
            event.raw = "MEAL".to_owned();
            event.source = "recovered".to_owned();
            event.platform_time_us = Some(at_s * SECOND);
        }
        record.lines.extend(end);
        assert_eq!(record.judge().pass, passes, "{at_s}");
    }
}

#[test]
fn an_agent_state_with_the_wrong_value_does_not_count() {
    let mut record = Record::new();
    if let Some(event) = record.events_mut().last() {
        event.raw = "MEAL".to_owned();
    }
    assert_eq!(record.judge().missing, 1);
}

#[test]
fn a_leg_that_ended_and_was_not_cleared_is_unclosed() {
    let record = Record::new().without("connection_cleared", 0);
    assert_eq!(record.judge().unclosed, 1);
}

#[test]
fn a_leg_that_ended_just_before_the_end_may_be_open() {
    let mut record = Record::new().without("connection_cleared", 0);
    for act in &mut record.truth.acts {
        if act.kind == "disconnected" {
            act.time = 19 * SECOND + SECOND / 2;
            act.settled = false;
        }
    }
    let verdict = record.judge();
    assert_eq!((verdict.unclosed, verdict.missing), (0, 0));
}

#[test]
fn what_was_never_sent_need_not_have_come_but_may_have() {
    for came in [true, false] {
        let mut record = if came {
            Record::new()
        } else {
            Record::new().without("held", 0)
        };
        for act in &mut record.truth.acts {
            if act.kind == "held" && act.time == 4 * SECOND {
                act.sent.clear();
                act.settled = false;
            }
        }
        let verdict = record.judge();
        assert!(verdict.pass, "{came}: {verdict:?}");
    }
}

#[test]
fn the_key_of_an_attribute_stands_in_the_document_that_the_host_puts_beside_the_fields() {
    let line = r#"{"type":"event","kind":"attribute_changed","conversation_id":"c","participant_id":"p",
        "json":{"kind":"attribute_changed","attribute":{"key":"caseId","value":"1","first":"1"}}}"#;
    let Ok(Line::Event(event)) = serde_json::from_str(line) else {
        panic!("no event: {line}");
    };
    assert_eq!(event.json.attribute.key, "caseId");
}

#[test]
fn a_gap_that_nothing_explains_fails() {
    let mut record = Record::new();
    record.gap(3, 12, Some(15), "u");
    let verdict = record.judge();
    assert!(!verdict.pass);
    assert_eq!((verdict.gap_s, verdict.outage_s), (3.0, 0.0));
    record.outage(13, Some(14));
    let verdict = record.judge();
    assert!(verdict.pass, "{verdict:?}");
    assert_eq!((verdict.gap_s, verdict.outage_s), (3.0, 1.0));
}

#[test]
fn an_outage_that_no_gap_tells_of_fails() {
    for (gap, user, passes) in [
        (Some((12, Some(16))), "U", true),
        (Some((12, None)), "u", true),
        (Some((14, Some(16))), "u", false),
        (Some((12, Some(14))), "u", false),
        (Some((12, Some(16))), "somebody else", false),
        (None, "", false),
    ] {
        let mut record = Record::new();
        record.outage(13, Some(15));
        if let Some((from, to)) = gap {
            record.gap(1, from, to, user);
        }
        let judgement = record.judged();
        assert_eq!(
            judgement.verdict.pass, passes,
            "{gap:?} {user}: {judgement:?}"
        );
    }
}

#[test]
fn an_outage_that_had_no_time_to_be_noticed_need_not_be_told() {
    let mut record = Record::new();
    record.outage(18, None);
    assert!(record.judge().pass);
}

#[test]
fn the_stop_itself_is_no_outage() {
    for (before_us, outage_s) in [(400, 0.0), (20_000, 0.02)] {
        let mut record = Record::new();
        record.outage(20, None);
        let end = Run::read(&record.lines).end();
        for outage in &mut record.truth.outages {
            outage.from = end - before_us;
        }
        assert_eq!(record.judge().outage_s, outage_s);
    }
}

#[test]
fn the_stop_is_no_outage_even_if_the_host_hears_of_it_late() {
    let mut record = Record::new();
    for line in &mut record.lines {
        if let Line::State(state) = line
            && state.why == "stopped"
        {
            state.at_us += SECOND / 10;
        }
    }
    record.outage(20, Some(20));
    for outage in &mut record.truth.outages {
        outage.from += 2_000;
        outage.to = outage.to.map(|to| to + 4_000);
    }
    let judgement = record.judged();
    assert!(judgement.verdict.pass, "{judgement:?}");
    assert_eq!(judgement.verdict.outage_s, 0.0);
}

#[test]
fn a_feed_that_is_down_without_a_gap_fails() {
    let mut record = Record::new();
    let end = record.lines.split_off(record.lines.len() - 2);
    record.state(12, "down", "link");
    record.state(15, "up", "none");
    record.lines.extend(end);
    assert!(!record.judge().pass);
    record.gap(1, 11, Some(15), "u");
    record.outage(11, Some(14));
    let judgement = record.judged();
    assert!(judgement.verdict.pass, "{judgement:?}");
}

#[test]
fn a_host_may_hear_after_the_end_of_a_gap_that_the_feed_was_down_in_it() {
    let mut record = Record::new();
    let end = record.lines.split_off(record.lines.len() - 2);
    record.state(12, "down", "connecting");
    if let Some(Line::State(state)) = record.lines.last_mut() {
        state.at_us = 16 * SECOND;
    }
    record.state(16, "up", "none");
    record.lines.extend(end);
    record.gap(1, 11, Some(15), "u");
    record.outage(11, Some(14));
    let judgement = record.judged();
    assert!(judgement.verdict.pass, "{judgement:?}");
}

#[test]
fn what_happened_in_a_gap_may_be_missing_unless_another_topic_showed_it() {
    for (elsewhere, missing) in [(false, 0), (true, 1)] {
        let mut record = Record::new().without("held", 0);
        record.gap(1, 3, Some(6), "u");
        record.outage(3, Some(6));
        for act in &mut record.truth.acts {
            if elsewhere && act.kind == "held" {
                act.sent.push("v2.users.v.conversations".to_owned());
            }
        }
        let verdict = record.judge();
        assert_eq!(
            (verdict.missing, verdict.unrecoverable),
            (missing, 1 - missing)
        );
        assert_eq!(verdict.pass, missing == 0, "{verdict:?}");
    }
}

#[test]
fn who_logged_on_in_a_gap_may_be_told_so_by_what_came_later() {
    for in_gap in [true, false] {
        let mut record = Record::new();
        record.act(11, "logged_on", "", "");
        if let Some(act) = record.truth.acts.last_mut() {
            act.user = "u".to_owned();
            act.detail = "Available".to_owned();
        }
        let end = record.lines.split_off(record.lines.len() - 2);
        record.event(15, "agent_logged_on", "", "");
        record.lines.extend(end);
        if let Some(event) = record.events_mut().last() {
            event.user_id = "u".to_owned();
            event.raw = "BUSY".to_owned();
            event.platform_time_us = Some(15 * SECOND);
        }
        if in_gap {
            record.gap(1, 10, Some(13), "u");
            record.outage(10, Some(13));
        }
        let judgement = record.judged();
        assert_eq!(judgement.verdict.pass, in_gap, "{judgement:?}");
        let counts = (judgement.verdict.missing, judgement.verdict.duplicates);
        let counts_due = if in_gap { (0, 0) } else { (1, 1) };
        assert_eq!(counts, counts_due);
    }
}

#[test]
fn what_a_consult_came_to_need_not_be_known_if_it_ended_in_a_gap() {
    for in_gap in [true, false] {
        let mut record = Record::new();
        record.act(11, "consult_started", "call-1", "agent-1");
        record.act(12, "consult_completed", "call-1", "agent-1");
        let end = record.lines.split_off(record.lines.len() - 2);
        record.event(11, "consult_started", "call-1", "agent-1");
        record.event(13, "consult_cancelled", "call-1", "agent-1");
        record.lines.extend(end);
        if in_gap {
            record.gap(1, 12, Some(13), "u");
            record.outage(12, Some(13));
        }
        let judgement = record.judged();
        assert_eq!(judgement.verdict.pass, in_gap, "{judgement:?}");
    }
}

#[test]
fn the_end_of_what_began_in_a_gap_need_not_have_come() {
    for gap in [None, Some((3, 4))] {
        let mut record = Record::new().without("held", 0).without("retrieved", 0);
        // Fewer than happened: one pair is missing, of which the hold may lie in the gap.
        if let Some((from, to)) = gap {
            record.gap(1, from, Some(to), "u");
            record.outage(from, Some(to));
        }
        let verdict = record.judge();
        assert_eq!(verdict.pass, gap.is_some(), "{verdict:?}");
    }
}

#[test]
fn a_call_that_ended_in_a_gap_must_be_cleared_once_the_gap_is_over() {
    for (to, unclosed) in [(None, 0), (Some(10), 1)] {
        let mut record = Record::new().without("connection_cleared", 0);
        record.gap(1, 8, to, "u");
        record.outage(8, to);
        assert_eq!(record.judge().unclosed, unclosed, "{to:?}");
    }
}

#[test]
fn the_ledger_tells_the_end_of_a_gap_before_the_feed_does_and_nothing_else_than_the_feed() {
    let mut record = Record::new();
    record.gap(1, 12, None, "u");
    record.outage(13, Some(14));
    let mut noted = Gap {
        id: 1,
        cause: LOST[0].to_owned(),
        from_us: 12 * SECOND,
        to_us: Some(15 * SECOND),
        subjects: BTreeSet::from(["u".to_owned()]),
        is_left: false,
    };
    let judge_with = |noted: &Gap| {
        judge(
            &record.lines,
            &record.truth,
            Some(std::slice::from_ref(noted)),
        )
        .verdict
    };
    assert_eq!(judge_with(&noted).gap_s, 3.0);
    assert!(judge_with(&noted).pass);
    noted.from_us -= 1;
    assert!(!judge_with(&noted).pass);
    noted.id = 2;
    assert!(!judge_with(&noted).pass);
}

#[test]
fn a_topic_is_about_a_user_or_a_queue() {
    for (topic, id) in [
        ("v2.users.ABC.conversations.calls", Some("abc")),
        ("v2.routing.queues.q-1.conversations", Some("q-1")),
        ("v2.system.socket_closing", None),
    ] {
        assert_eq!(subject(topic).as_deref(), id);
    }
}

#[test]
fn being_told_to_stop_is_no_interruption() {
    assert_eq!(Record::new().judge().gap_s, 0.0);
}

impl Record {
    /// Puts lines before the last `behind` ones.
    fn insert(&mut self, behind: usize, lines: impl IntoIterator<Item = Line>) {
        let place = self.lines.len() - behind;
        self.lines.splice(place..place, lines);
    }

    /// The process ended without a word before the last `behind` lines, and another one began.
    fn crash(&mut self, behind: usize, at_s: i64) {
        let start = |at_us| Line::Start(Start { at_us });
        self.insert(behind, [start(at_s * SECOND)]);
        self.lines.insert(0, start(-SECOND));
    }

    fn offer_of(&self, nth: usize) -> Offer {
        let event = self.events().nth(nth).expect("such an event");
        Offer {
            kind: event.kind.clone(),
            feed_id: event.feed_id.clone(),
            sequence: event.sequence,
            id: event.id.clone(),
        }
    }
}

/// Events, the stop and the end that stand behind the crash in the tests.
const BEHIND: usize = 4;

#[test]
fn what_an_earlier_process_took_may_be_offered_again_to_the_next_but_not_to_itself() {
    for (crashed, duplicates) in [(true, 0), (false, 1)] {
        let mut record = Record::new();
        let last = record.events().count() - 3;
        let again = Line::Again(record.offer_of(last));
        record.insert(BEHIND, [again]);
        if crashed {
            record.crash(BEHIND + 1, 9);
        }
        let verdict = record.judge();
        assert_eq!(verdict.pass, crashed, "{verdict:?}");
        assert_eq!(verdict.duplicates, duplicates);
        let (crashes, again) = (usize::from(crashed), usize::from(crashed));
        assert_eq!(
            (verdict.crashes, verdict.in_callback, verdict.offered_again),
            (crashes, again, again)
        );
    }
}

#[test]
fn what_is_offered_again_twice_by_one_process_is_a_duplicate() {
    let mut record = Record::new();
    let last = record.events().count() - 3;
    let again = [0, 1].map(|_| Line::Again(record.offer_of(last)));
    record.insert(BEHIND, again);
    record.crash(BEHIND + 2, 9);
    assert_eq!(record.judge().duplicates, 1);
}

#[test]
fn an_old_number_under_a_new_id_and_an_old_id_for_something_else_are_found() {
    for change in [
        |offer: &mut Offer| offer.id = "another".to_owned(),
        |offer: &mut Offer| offer.kind = "parked".to_owned(),
    ] {
        let mut record = Record::new();
        let mut offer = record.offer_of(3);
        change(&mut offer);
        record.insert(BEHIND, [Line::Again(offer)]);
        record.crash(BEHIND + 1, 9);
        assert!(!record.judge().pass);
    }
}

#[test]
fn what_is_known_already_may_come_under_a_new_number() {
    let mut record = Record::new();
    let mut offer = record.offer_of(3);
    let last = record.events().count() as u64;
    offer.sequence = last + 1;
    record.insert(2, [Line::Again(offer)]);
    record.crash(3, 15);
    let verdict = record.judge();
    assert!(verdict.pass, "{verdict:?}");
}

#[test]
fn after_a_refusal_the_same_event_comes_next() {
    for (nth_from_end, passes) in [(2, true), (1, false)] {
        let mut record = Record::new();
        let refused = record.offer_of(record.events().count() - nth_from_end);
        let is_looked_at = Line::Offered(refused.clone());
        record.insert(BEHIND, [is_looked_at, Line::Refused(refused)]);
        let judgement = record.judged();
        assert_eq!(judgement.verdict.pass, passes, "{judgement:?}");
    }
}

#[test]
fn a_gap_that_a_crash_left_open_is_over_with_it() {
    for (starts_at, passes) in [(15, true), (4, false)] {
        // The end of the call at 9 s is missing, and lies in the gap only if that lasts beyond it.
        let mut record = Record::new().without("call_cleared", 0);
        record.gap(1, 3, None, "u");
        record.outage(3, Some(4));
        record.crash(2, starts_at);
        let judgement = record.judged();
        assert_eq!(judgement.verdict.pass, passes, "{judgement:?}");
    }
}

#[test]
fn the_gap_of_a_downtime_explains_it_and_nothing_else_does() {
    for cause in ["downtime", "joined"] {
        let mut record = Record::new();
        record.outage(12, Some(16));
        record.gap(1, 11, Some(17), "u");
        for event in record.events_mut().filter(|event| event.gap_id == 1) {
            event.reason = cause.to_owned();
        }
        record.crash(3, 14);
        let verdict = record.judge();
        assert!(verdict.pass, "{verdict:?}");
        let gap_s = if cause == "downtime" { 6.0 } else { 0.0 };
        assert_eq!((verdict.gap_s, verdict.outage_s), (gap_s, 4.0));
    }
    let mut record = Record::new();
    record.outage(12, Some(16));
    record.crash(2, 14);
    assert!(!record.judge().pass, "nobody told of it");
}

#[test]
fn a_process_that_looked_at_an_event_when_it_ended_was_inside_a_callback() {
    let mut record = Record::new();
    let offer = record.offer_of(record.events().count() - 2);
    record.insert(BEHIND, [Line::Offered(offer)]);
    record.crash(BEHIND, 9);
    let verdict = record.judge();
    assert!(verdict.pass, "{verdict:?}");
    assert_eq!((verdict.crashes, verdict.in_callback), (1, 1));
}

#[test]
fn what_was_sent_after_the_first_reading_may_still_be_on_its_way() {
    let mut record = Record::new();
    for act in &mut record.truth.acts {
        act.act = u64::from(act.kind == "presence");
        act.settled = false;
    }
    let mut earlier = record.truth.clone();
    earlier.acts.retain(|act| act.act == 1);
    let settled = record.truth.settle(&earlier);
    let must: Vec<&str> = settled
        .acts
        .iter()
        .filter(|act| act.settled)
        .map(|act| act.kind.as_str())
        .collect();
    assert_eq!(must, ["presence"]);
}

#[test]
fn a_feed_that_never_came_up_fails() {
    let mut record = Record::new();
    record.lines.remove(0);
    assert!(!record.judge().pass);
}

#[test]
fn a_host_that_did_not_end_by_itself_fails() {
    let mut record = Record::new();
    record.lines.pop();
    assert!(!record.judge().pass);
}

#[test]
fn an_act_that_the_judge_does_not_know_fails() {
    let mut record = Record::new();
    record.act(11, "teleported", "call-1", "agent-1");
    assert!(!record.judge().pass);
}

#[test]
fn every_line_of_the_table_is_read() {
    assert_eq!(acts::table().len(), acts::lines().count());
    let about = ["leg", "call", "agent", "attribute", "-"];
    assert!(
        acts::table()
            .iter()
            .all(|entry| about.contains(&entry.about))
    );
}

#[test]
fn an_act_becomes_what_its_detail_says() {
    let of = |detail: &str| -> Vec<&str> {
        let act = Act {
            kind: "routing_status".to_owned(),
            detail: detail.to_owned(),
            ..Act::default()
        };
        let table = [("IDLE", "agent_ready"), ("OFF_QUEUE", "agent_not_ready")];
        let entries = table.map(|(detail, event)| Entry {
            act: "routing_status",
            detail,
            event,
            about: "agent",
            shape: "any",
        });
        let entries = entries
            .iter()
            .filter(|entry| entry.makes_event_of(&act.kind, &act.detail));
        entries.map(|entry| entry.event).collect()
    };
    assert_eq!(of("IDLE"), ["agent_ready"]);
    assert_eq!(of("OFF_QUEUE"), ["agent_not_ready"]);
    assert!(of("ELSEWHERE").is_empty());
}

#[test]
fn times_are_read_as_iso_text_and_as_microseconds() {
    for text in [
        r#"{"time":"2026-11-22T10:00:00.123Z","kind":"held","user":null}"#,
        r#"{"time":1795341600123000,"kind":"held"}"#,
    ] {
        let act: Act = serde_json::from_str(text).expect("an act");
        assert_eq!(act.time, 1_795_341_600_123_000);
    }
}
