//! What a recorder meets beside plain calls, each as a story of bodies.

use super::*;
use crate::calls::AttributeRules;
use crate::model::event::{ConnectionRef, Detail, IdClass};
use crate::settings::{AllowedKey, AttributeMask};

/// A participant of any purpose with one call in the nested shape.
fn someone(id: &str, purpose: &str, state: &str, more: Value) -> Value {
    let mut call = json!({"state": state, "direction": "inbound", "held": false, "muted": false, "confined": false});
    (call.as_object_mut().unwrap()).extend(more.as_object().unwrap().clone());
    party(id, purpose, call)
}

fn talking(id: &str, purpose: &str, since: u32) -> Value {
    someone(
        id,
        purpose,
        "connected",
        json!({"connectedTime": at(since)}),
    )
}

fn with(mut party: Value, members: Value) -> Value {
    (party.as_object_mut().unwrap()).extend(members.as_object().unwrap().clone());
    party
}

fn called(id: &str, parties: &[Value], more: Value) -> Value {
    let mut body = body(parties);
    body["id"] = json!(id);
    with(body, more)
}

/// The events of a body in short, without those that begin every call.
fn news(ear: &mut Ear, topic: &str, body: &Value) -> Vec<String> {
    let told = ear.told(topic, body).into_iter();
    told.map(|line| line.replace(" (snapshot)", ""))
        .filter(|line| {
            !line.starts_with("CallCreated") && !line.starts_with("Established customer")
        })
        .collect()
}

fn details(events: &[Event], kind: EventKind) -> Vec<Detail> {
    (events.iter().filter(|event| event.kind == kind))
        .filter_map(|event| event.detail.as_deref().cloned())
        .collect()
}

fn reasons(events: &[Event], kind: EventKind) -> Vec<&str> {
    (events.iter().filter(|event| event.kind == kind))
        .map(|event| &*event.reason)
        .collect()
}

#[test]
fn a_call_passes_flow_and_queue_before_it_reaches_an_agent() {
    let mut ear = Ear::new();
    let flow = someone(
        "menu",
        "ivr",
        "connected",
        json!({"initialState": "offering", "connectedTime": at(2)}),
    );
    assert_eq!(
        news(&mut ear, QUEUE, &body(&[customer(), flow.clone()])),
        ["Offered menu", "Established menu", "FlowEntered menu"]
    );
    let flow = gone(flow, 6, "transfer");
    let queue = with(
        someone(
            "queue",
            "acd",
            "connected",
            json!({"initialState": "offering", "connectedTime": at(6)}),
        ),
        json!({"queueId": "sales", "conversationRoutingData": {"priority": 3, "skills": [{"id": "s1", "name": "Bills"}],
            "language": {"id": "l1", "name": "French"}}}),
    );
    ear.hear(
        QUEUE,
        &body(&[customer(), flow.clone(), queue.clone()]).to_string(),
    );
    let events = ear.events();
    assert_eq!(
        events.iter().map(short).collect::<Vec<_>>(),
        [
            "ConnectionCleared menu",
            "Offered queue",
            "Queued queue",
            "Established queue"
        ]
        .map(|line| if line.starts_with("Offered") {
            format!("{line} (snapshot)")
        } else {
            line.to_owned()
        })
    );
    let Detail::Routing {
        priority,
        skills,
        language,
    } = &details(&events, EventKind::Queued)[0]
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (*priority, &*skills[0], &**language),
        (Some(3), "Bills", "French")
    );
    let ringing = agent("ann", "alerting", json!({}));
    news(
        &mut ear,
        QUEUE,
        &body(&[customer(), flow.clone(), queue.clone(), ringing]),
    );
    let taken = agent("ann", "connected", json!({"connectedTime": at(9)}));
    let left = gone(queue.clone(), 10, "transfer");
    ear.hear(
        QUEUE,
        &body(&[customer(), flow.clone(), left, taken.clone()]).to_string(),
    );
    assert_eq!(reasons(&ear.events(), EventKind::Dequeued), ["answered"]);
}

#[test]
fn a_call_leaves_a_queue_unanswered_or_is_given_up() {
    for (word, outcome) in [
        ("transfer", "flow_out"),
        ("system", "abandoned"),
        ("peer", "abandoned"),
        ("endpoint", "abandoned"),
        ("client", "abandoned"),
        ("transfer.noanswer", "flow_out"),
    ] {
        let mut ear = Ear::new();
        let queue = with(talking("queue", "acd", 2), json!({"queueId": "sales"}));
        news(&mut ear, QUEUE, &body(&[customer(), queue.clone()]));
        ear.hear(
            QUEUE,
            &body(&[customer(), gone(queue, 20, word)]).to_string(),
        );
        assert_eq!(
            reasons(&ear.events(), EventKind::Dequeued),
            [outcome],
            "{word}"
        );
    }
}

#[test]
fn a_leg_that_never_answers_is_diverted_or_fails() {
    let of_queue = |word: &str| {
        let mut ear = Ear::new();
        news(
            &mut ear,
            NESTED,
            &body(&[customer(), agent("ann", "alerting", json!({}))]),
        );
        news(
            &mut ear,
            NESTED,
            &body(&[
                customer(),
                gone(agent("ann", "terminated", json!({})), 9, word),
            ]),
        )
    };
    for word in [
        "client",
        "timeout",
        "transfer.forward",
        "transfer.noanswer",
        "transfer.notavailable",
        "transfer.dnd",
        "transfer.donotdisturb",
        "error",
        "transport.failure",
        "endpoint.dnd",
        "endpoint.donotdisturb",
    ] {
        assert_eq!(
            of_queue(word),
            ["Diverted ann", "ConnectionCleared ann"],
            "{word}"
        );
    }
    // Nor is a call handed on by whom it never reached.
    for word in ["peer", "endpoint", "other", "transfer", "transfer.consult"] {
        assert_eq!(
            of_queue(word),
            ["ConnectionCleared ann"],
            "the caller gave up: {word}"
        );
    }
    let dialed = |word: &str| {
        let mut ear = Ear::new();
        let out = |state: &str| someone("out", "external", state, json!({"direction": "outbound"}));
        news(
            &mut ear,
            NESTED,
            &body(&[talking("ann", "user", 1), out("dialing")]),
        );
        news(
            &mut ear,
            NESTED,
            &body(&[talking("ann", "user", 1), gone(out("terminated"), 9, word)]),
        )
    };
    for word in [
        "timeout",
        "error",
        "transport.failure",
        "uncallable",
        "spam",
        "system",
        "endpoint.dnd",
        "endpoint.donotdisturb",
    ] {
        assert_eq!(
            dialed(word),
            ["Failed out", "ConnectionCleared out"],
            "{word}"
        );
    }
    assert_eq!(
        dialed("peer"),
        ["ConnectionCleared out"],
        "the dialing user gave up"
    );
}

/// What CSTA calls the platform's words; the word itself stands beside it.
#[test]
fn every_word_for_an_end_has_its_cause() {
    for (word, cause) in [
        ("client", Cause::NormalClearing),
        ("endpoint", Cause::NormalClearing),
        ("peer", Cause::NormalClearing),
        ("transfer", Cause::SingleStepTransfer),
        ("transfer.consult", Cause::Transfer),
        ("transfer.conference", Cause::Conference),
        ("transfer.forward", Cause::CallForward),
        ("transfer.noanswer", Cause::CallForwardNoAnswer),
        ("transfer.notavailable", Cause::Overflow),
        ("endpoint.dnd", Cause::DoNotDisturb),
        ("endpoint.donotdisturb", Cause::DoNotDisturb),
        ("transfer.dnd", Cause::DoNotDisturb),
        ("transfer.donotdisturb", Cause::DoNotDisturb),
        ("timeout", Cause::NoAnswer),
        ("error", Cause::NetworkSignalLost),
        ("transport.failure", Cause::NetworkSignalLost),
        ("system", Cause::SystemCleared),
        ("spam", Cause::Blocked),
        ("uncallable", Cause::Blocked),
        ("other", Cause::Unknown),
    ] {
        let talks = agent("ann", "connected", json!({"connectedTime": at(5)}));
        let [before, after] =
            [talks.clone(), gone(talks, 9, word)].map(|ann| body(&[customer(), ann]));
        let shapes = [
            (NESTED, before.clone(), after.clone()),
            (FLAT, flat(&before), flat(&after)),
        ];
        for (topic, before, after) in shapes {
            let mut ear = Ear::new();
            news(&mut ear, topic, &before);
            ear.hear(topic, &after.to_string());
            let events = ear.events();
            let cleared = |event: &&Event| event.kind == EventKind::ConnectionCleared;
            let ends: Vec<_> = (events.iter().filter(cleared))
                .map(|event| (event.cause, &*event.raw))
                .collect();
            assert_eq!(ends, [(cause, word)], "{topic}");
        }
    }
}

#[test]
fn a_recording_pauses_for_a_reason() {
    let paused = |leg: Value, head: Value| {
        let mut ear = Ear::new();
        let quiet = agent(
            "ann",
            "connected",
            json!({"connectedTime": at(5), "securePause": false, "recordingState": "active"}),
        );
        news(&mut ear, NESTED, &body(&[customer(), quiet.clone()]));
        let now = with(quiet["calls"][0].clone(), leg);
        let mut ann = quiet.clone();
        ann["calls"] = json!([now]);
        ear.hear(
            NESTED,
            &with(body(&[customer(), ann.clone()]), head).to_string(),
        );
        let events = ear.events();
        let of_ann: Vec<Event> = (events.into_iter())
            .filter(|event| {
                event.kind == EventKind::RecordingPaused && short(event).contains("ann")
            })
            .collect();
        let reason = of_ann.first().map(|event| event.reason.to_string());
        ear.hear(NESTED, &body(&[customer(), quiet]).to_string());
        let resumed = ear
            .events()
            .iter()
            .filter(|event| {
                event.kind == EventKind::RecordingResumed && short(event).contains("ann")
            })
            .count();
        (reason, resumed)
    };
    let of = |reason: &str| (Some(reason.to_owned()), 1);
    assert_eq!(
        paused(
            json!({"recordingState": "paused", "securePause": true}),
            json!({})
        ),
        of("secure")
    );
    assert_eq!(
        paused(json!({}), json!({"securePause": true})),
        of("secure"),
        "of the conversation"
    );
    assert_eq!(
        paused(
            json!({"recordingState": "paused", "held": true, "startHoldTime": at(8)}),
            json!({})
        ),
        of("hold_suppression")
    );
    assert_eq!(
        paused(
            json!({"recordingState": "paused", "securePause": null, "held": true}),
            json!({})
        ),
        of("unknown")
    );
    assert_eq!(
        paused(json!({"recordingState": "paused"}), json!({})),
        of("unknown")
    );
    assert_eq!(
        paused(json!({"recordingState": "none"}), json!({})),
        (None, 0)
    );
}

#[test]
fn nothing_pauses_where_nobody_is_recorded() {
    let paused = json!({"recordingState": "paused", "securePause": false});
    for party in [
        with(talking("queue", "acd", 2), json!({"queueId": "sales"})),
        talking("menu", "ivr", 2),
        agent("ann", "alerting", json!({})),
    ] {
        let mut ear = Ear::new();
        let mut shown = party.clone();
        shown["calls"] = json!([with(party["calls"][0].clone(), paused.clone())]);
        for party in [&party, &shown] {
            ear.hear(QUEUE, &body(&[customer(), party.clone()]).to_string());
        }
        let events = ear.events();
        assert_eq!(
            reasons(&events, EventKind::RecordingPaused),
            [""; 0],
            "{party}"
        );
    }
}

#[test]
fn a_pause_ends_with_its_leg() {
    let mut ear = Ear::new();
    let ann = agent(
        "ann",
        "connected",
        json!({"connectedTime": at(5), "securePause": true, "recordingState": "paused"}),
    );
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    ear.hear(
        NESTED,
        &body(&[customer(), gone(ann, 9, "peer")]).to_string(),
    );
    let events = ear.events();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::RecordingResumed, EventKind::ConnectionCleared]
    );
    assert_eq!(reasons(&events, EventKind::RecordingResumed), ["ended"]);
    assert_eq!(events[1].secure_pause, Flag::No);
}

/// A leg that is on hold and parked, once one of the two is over.
#[test]
fn a_hold_and_a_parking_end_on_their_own() {
    for (first, state) in [
        ("held", ConnectionState::Parked),
        ("state", ConnectionState::Hold),
    ] {
        let mut ear = Ear::new();
        let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
        let mut shown = flat(&body(&[customer(), ann]));
        let ends = |shown: &mut Value, member: &str| {
            shown["participants"][1][member] = match member {
                "held" => json!(false),
                _ => json!("connected"),
            };
        };
        news(&mut ear, FLAT, &shown);
        let both =
            json!({"held": true, "startHoldTime": at(9), "state": "parked", "parkTime": at(10)});
        shown["participants"][1] = with(shown["participants"][1].clone(), both);
        assert_eq!(news(&mut ear, FLAT, &shown), ["Held ann", "Parked ann"]);
        ends(&mut shown, first);
        ear.hear(FLAT, &shown.to_string());
        assert_eq!(ear.events()[0].state, state, "{first}");
        let second = if first == "held" { "state" } else { "held" };
        ends(&mut shown, second);
        ear.hear(FLAT, &shown.to_string());
        assert_eq!(
            ear.events()[0].state,
            ConnectionState::Connected,
            "{second}"
        );
    }
}

/// What both shapes tell of a leg, and tell otherwise.
#[test]
fn the_nested_shape_leads() {
    let ann = |muted: bool| {
        agent(
            "ann",
            "connected",
            json!({"connectedTime": at(5), "muted": muted}),
        )
    };
    let nested = |muted| body(&[customer(), ann(muted)]);
    let other = |muted| {
        let mut shown = flat(&nested(muted));
        shown["participants"][1]["provider"] = json!("Other");
        shown
    };
    let provider = |ear: &mut Ear| {
        let events = ear.events();
        let Subject::Connection(facts) = &events.last().unwrap().subject else {
            panic!()
        };
        facts.provider.to_string()
    };
    let mut ear = Ear::new();
    ear.hear(FLAT, &other(false).to_string());
    assert_eq!(provider(&mut ear), "Other");
    ear.hear(NESTED, &nested(true).to_string());
    assert_eq!(provider(&mut ear), "Edge");
    ear.hear(FLAT, &other(true).to_string());
    ear.hear(FLAT, &other(false).to_string());
    assert_eq!(provider(&mut ear), "Edge");
}

#[test]
fn a_party_is_isolated_and_comes_back() {
    let mut ear = Ear::new();
    let bodies = [false, true, false].map(|confined| {
        let leg = json!({"connectedTime": at(5), "confined": confined});
        body(&[customer(), agent("ann", "connected", leg)])
    });
    news(&mut ear, NESTED, &bodies[0]);
    assert_eq!(news(&mut ear, NESTED, &bodies[1]), ["Confined ann"]);
    assert_eq!(news(&mut ear, NESTED, &bodies[2]), ["Unconfined ann"]);
}

/// The customer is isolated and comes back; an answer that was asked for before that shows either.
#[test]
fn an_answer_tells_nothing_that_a_notification_has_overtaken() {
    let mut ear = Ear::new();
    let shown = |confined: bool, intent: &str| {
        let leg = json!({"connectedTime": at(1), "confined": confined});
        let customer = someone("customer", "customer", "connected", leg);
        let intent = json!({"attributes": {"intent": intent}});
        let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
        body(&[with(customer, intent), ann])
    };
    ear.told(NESTED, &shown(false, "billing"));
    let asked = ear.now.elapsed;
    let later = |ear: &mut Ear| ear.now.elapsed += Duration::from_secs(1);
    later(&mut ear);
    assert_eq!(
        ear.told(NESTED, &shown(true, "billing")),
        ["Confined customer"]
    );
    later(&mut ear);
    let told = ear.told(NESTED, &shown(false, "sales"));
    assert_eq!(told, ["Unconfined customer", "AttributeChanged customer"]);
    later(&mut ear);
    let old = shown(true, "billing");
    assert_eq!(read_asked(&mut ear, &old, asked), [""; 0]);
    assert_eq!(ear.told(FLAT, &flat(&shown(false, "sales"))), [""; 0]);
    // One that was asked for since is newer.
    let now = ear.now.elapsed;
    assert_eq!(
        read_asked(&mut ear, &old, now),
        [
            "Confined customer (recovered)",
            "AttributeChanged customer (recovered)"
        ]
    );
}

/// Only the flat shape tells of parking; the nested one goes on saying `connected`.
#[test]
fn a_call_is_parked_and_taken_back() {
    let mut ear = Ear::new();
    let nested = body(&[
        customer(),
        agent("ann", "connected", json!({"connectedTime": at(5)})),
    ]);
    let mut shown = flat(&nested);
    news(&mut ear, NESTED, &nested);
    news(&mut ear, FLAT, &shown);
    shown["participants"][1]["state"] = json!("parked");
    shown["participants"][1]["parkTime"] = json!(at(9));
    ear.hear(FLAT, &shown.to_string());
    let parked = ear.events();
    assert_eq!(parked.len(), 1);
    assert_eq!(
        (
            parked[0].kind,
            parked[0].state,
            parked[0].platform_time,
            parked[0].id_exact
        ),
        (
            EventKind::Parked,
            ConnectionState::Parked,
            UtcMicros::from_iso(&at(9)),
            true
        )
    );
    assert_eq!(
        news(&mut ear, NESTED, &with(nested, json!({"address": "x"}))),
        [""; 0]
    );
    shown["participants"][1]["state"] = json!("connected");
    shown["participants"][1]["resumeTime"] = json!(at(14));
    ear.hear(FLAT, &shown.to_string());
    let back = ear.events();
    assert_eq!(
        (back[0].kind, back[0].state, back[0].platform_time),
        (
            EventKind::Unparked,
            ConnectionState::Connected,
            UtcMicros::from_iso(&at(14))
        )
    );
}

fn asking(more: Value) -> Value {
    with(
        agent("ann", "connected", more),
        json!({"consultParticipantId": "ben"}),
    )
}

/// The bodies of a consult up to the moment when the colleague talks to the agent, and the customer waits.
fn consult(ear: &mut Ear) {
    let talk = json!({"connectedTime": at(5)});
    news(
        ear,
        NESTED,
        &body(&[customer(), agent("ann", "connected", talk)]),
    );
    let held = json!({"connectedTime": at(5), "held": true, "startHoldTime": at(8)});
    let ringing = someone("ben", "user", "alerting", json!({}));
    assert_eq!(
        news(
            ear,
            NESTED,
            &body(&[customer(), asking(held.clone()), ringing])
        ),
        ["Held ann", "ConsultStarted ann", "Delivered ben"]
    );
    assert_eq!(
        news(
            ear,
            NESTED,
            &body(&[customer(), asking(held), talking("ben", "user", 12)])
        ),
        ["Established ben"]
    );
}

#[test]
fn a_consult_becomes_a_transfer() {
    let mut ear = Ear::new();
    consult(&mut ear);
    let left = gone(
        asking(json!({"connectedTime": at(5)})),
        20,
        "transfer.consult",
    );
    ear.hear(
        NESTED,
        &body(&[customer(), left, talking("ben", "user", 12)]).to_string(),
    );
    let events = ear.events();
    assert_eq!(
        events.iter().map(short).collect::<Vec<_>>(),
        [
            "ConsultCompleted ann",
            "Transferred ann",
            "ConnectionCleared ann"
        ]
    );
    assert_eq!(reasons(&events, EventKind::ConsultCompleted), ["transfer"]);
    assert_eq!(reasons(&events, EventKind::Transferred), ["attended"]);
    let Detail::Related { old, new, .. } = &details(&events, EventKind::Transferred)[0] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (old.as_ref().unwrap().id(), new.as_ref().unwrap().id()),
        ("ann-call", "ben-call")
    );
    assert!(events.iter().all(|event| event.id_exact));
}

#[test]
fn a_consult_is_given_up() {
    let mut ear = Ear::new();
    consult(&mut ear);
    let back = agent("ann", "connected", json!({"connectedTime": at(5)}));
    let no = gone(talking("ben", "user", 12), 20, "client");
    assert_eq!(
        news(&mut ear, NESTED, &body(&[customer(), back, no])),
        [
            "ConsultCancelled ann",
            "ConnectionCleared ben",
            "Retrieved ann"
        ]
    );
}

#[test]
fn a_consult_becomes_a_conference() {
    let mut ear = Ear::new();
    consult(&mut ear);
    let all = || {
        vec![
            customer(),
            asking(json!({"connectedTime": at(5)})),
            talking("ben", "user", 12),
        ]
    };
    assert_eq!(
        news(&mut ear, NESTED, &body(&all())),
        ["ConsultCompleted ann", "Retrieved ann", "Conferenced call"]
    );
    let mut four = all();
    four.push(talking("cid", "user", 30));
    assert_eq!(
        news(&mut ear, NESTED, &body(&four)),
        ["Established cid", "PartyAdded cid"]
    );
    four[2] = gone(talking("ben", "user", 12), 40, "client");
    assert_eq!(
        news(&mut ear, NESTED, &body(&four)),
        ["PartyLeft ben", "ConnectionCleared ben"]
    );
    four[3] = gone(talking("cid", "user", 30), 45, "client");
    four[1] = gone(asking(json!({"connectedTime": at(5)})), 50, "client");
    four[0] = gone(customer(), 50, "peer");
    let last = news(&mut ear, NESTED, &body(&four));
    assert!(
        last.contains(&"PartyLeft cid".to_owned()),
        "two went on: {last:?}"
    );
    assert!(
        !last.contains(&"PartyLeft ann".to_owned()),
        "nobody went on: {last:?}"
    );
}

/// The platform says so by the end of a leg, before a body shows the three together.
#[test]
fn a_consult_whose_leg_ends_in_a_conference_is_not_cancelled() {
    let mut ear = Ear::new();
    consult(&mut ear);
    let left = gone(
        asking(json!({"connectedTime": at(5)})),
        20,
        "transfer.conference",
    );
    ear.hear(
        NESTED,
        &body(&[customer(), left, talking("ben", "user", 12)]).to_string(),
    );
    let events = ear.events();
    assert_eq!(
        events.iter().map(short).collect::<Vec<_>>(),
        ["ConsultCompleted ann", "ConnectionCleared ann"]
    );
    assert_eq!(
        reasons(&events, EventKind::ConsultCompleted),
        ["conference"]
    );
}

/// The same of a consult in a conversation of its own: that one ends into the conference.
#[test]
fn a_conversation_that_was_asked_and_ends_in_a_conference_is_no_cancelled_consult() {
    let mut ear = Ear::new();
    let head = json!({"consultationConversations": [{"id": "conversation-2"}]});
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    let second = |ann, ben| {
        let head = json!({"associatedConversation": {"id": "conversation-1"}});
        called("conversation-2", &[ann, ben], head)
    };
    let first = |more: &[Value]| {
        let parties = [&[customer(), ann.clone()], more].concat();
        called("conversation-1", &parties, head.clone())
    };
    ear.told(NESTED, &first(&[]));
    let (asks, asked) = (talking("ann-2", "user", 10), talking("ben", "user", 12));
    ear.told(NESTED, &second(asks.clone(), asked.clone()));
    let word = "transfer.conference";
    let ended = second(gone(asks, 20, word), gone(asked, 20, word));
    let mut told = ear.told(NESTED, &ended);
    told.extend(ear.told(NESTED, &first(&[talking("ben", "user", 20)])));
    ear.now.elapsed += Duration::from_secs(60);
    ear.calls.handle_timeout(ear.now);
    told.extend(ear.events().iter().map(short));
    let consults: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("Conf") || line.starts_with("Consult"))
        .collect();
    assert_eq!(consults, ["ConsultCompleted call", "Conferenced call"]);
}

/// The consult went on when the socket was lost. When it is read, who asked has left: the call was taken back at second 16.
#[test]
fn a_consult_that_became_a_conference_unheard_is_not_cancelled() {
    let segment = |kind: &str, from: u32, to: u32, conference: Option<bool>| {
        let mut segment =
            json!({"segmentType": kind, "segmentStart": at(from), "segmentEnd": at(to)});
        if let Some(conference) = conference {
            segment["conference"] = json!(conference);
        }
        segment
    };
    // Whether segments tell of a conference; when who was asked is gone.
    for (live_first, told, joined, gone_at, ends) in [
        (
            false,
            true,
            true,
            25,
            &["ConsultCompleted ann (recovered)"][..],
        ),
        (
            false,
            true,
            false,
            25,
            &["ConsultCancelled ann (recovered) at 20"],
        ),
        (false, false, false, 25, &[]),
        (
            false,
            false,
            false,
            16,
            &["ConsultCancelled ann (recovered) at 20"],
        ),
        (true, true, true, 18, &["ConsultCompleted ann (recovered)"]),
        (
            true,
            true,
            false,
            18,
            &["ConsultCancelled ann (recovered) at 20"],
        ),
        (true, false, false, 18, &[]),
    ] {
        let mut ear = Ear::new();
        consult(&mut ear);
        ear.calls
            .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
        if live_first {
            // Who was asked is gone; whether there was a conference before that, a notification does not tell.
            let ann = asking(json!({"connectedTime": at(5)}));
            let ben = gone(talking("ben", "user", 12), gone_at, "peer");
            let told = news(&mut ear, NESTED, &body(&[customer(), ann, ben]));
            assert!(
                !told.iter().any(|line| line.starts_with("Consult")),
                "{told:?}"
            );
        }
        let conference = |is: bool| told.then_some(is && joined);
        let mut left = segment("interact", 16, 20, conference(true));
        left["disconnectType"] = json!("client");
        let mut no = segment("interact", 12, gone_at, conference(true));
        no["disconnectType"] = json!("peer");
        let of = |id: &str, purpose: &str, segments: Value| {
            json!({"participantId": id, "purpose": purpose, "sessions": [
                {"mediaType": "voice", "sessionId": format!("{id}-call"), "segments": segments}]})
        };
        let answer = json!({"conversationId": "conversation-1", "participants": [
            of("customer", "customer", json!([{"segmentType": "interact", "segmentStart": at(1)}])),
            of("ann", "agent", json!([segment("interact", 5, 8, conference(false)),
                segment("hold", 8, 16, conference(false)), left])),
            of("ben", "user", json!([no]))]});
        let source = Source::Recovered;
        ear.calls
            .handle_analytics_details(&answer.to_string(), source, ear.now);
        let mut lines = Vec::new();
        for event in ear.events() {
            let second = event.platform_time.map(|time| time.0 / 1_000_000 % 60);
            let line = match second {
                Some(second) => format!("{} at {second}", short(&event)),
                None => short(&event),
            };
            lines.extend(line.starts_with("Consult").then_some(line));
        }
        assert_eq!(lines, ends, "{told} {joined} {gone_at}");
    }
}

/// Who was asked never answers, and the gap hides nothing that could have come of it: no read need tell.
#[test]
fn a_consult_that_nobody_answered_is_cancelled_after_a_gap_too() {
    let mut ear = Ear::new();
    let held = json!({"connectedTime": at(5), "held": true, "startHoldTime": at(8)});
    let asks = |ben: Value| body(&[customer(), asking(held.clone()), ben]);
    let rings = someone("ben", "user", "alerting", json!({}));
    news(&mut ear, NESTED, &asks(rings.clone()));
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    let told = news(&mut ear, NESTED, &asks(gone(rings, 20, "client")));
    assert!(
        told.iter().any(|line| line == "ConsultCancelled ann"),
        "{told:?}"
    );
}

/// The consult is a conversation of its own: the customer's contact is the root of both.
#[test]
fn a_consult_in_a_conversation_of_its_own_belongs_to_the_customers_contact() {
    for (word, kind) in [
        ("transfer.consult", "ConsultCompleted call"),
        ("client", "ConsultCancelled call"),
    ] {
        let mut ear = Ear::new();
        let first = [
            customer(),
            agent("ann", "connected", json!({"connectedTime": at(5)})),
        ];
        let second = |ben: Value| {
            called(
                "conversation-2",
                &[talking("ann-2", "user", 10), ben],
                json!({"associatedConversation": {"id": "conversation-1"}}),
            )
        };
        news(&mut ear, NESTED, &body(&first));
        let asked = called(
            "conversation-1",
            &first,
            json!({"consultationConversations": [{"id": "conversation-2"}]}),
        );
        ear.hear(NESTED, &asked.to_string());
        let begun = ear.events();
        assert_eq!(
            begun.iter().map(short).collect::<Vec<_>>(),
            ["ConsultStarted call"]
        );
        let Detail::Related { conversation, .. } = &details(&begun, EventKind::ConsultStarted)[0]
        else {
            panic!("{begun:?}");
        };
        assert_eq!(conversation.as_ref().unwrap().as_str(), "conversation-2");
        ear.hear(NESTED, &second(talking("ben", "user", 12)).to_string());
        for event in ear.events() {
            let Subject::Connection(facts) = &event.subject else {
                continue;
            };
            assert_eq!(facts.conversation.as_str(), "conversation-2");
            assert_eq!(
                facts.root_contact.as_str(),
                "conversation-1",
                "{}",
                short(&event)
            );
        }
        let mut ended = second(gone(talking("ben", "user", 12), 20, "peer"));
        ended["participants"][0] = gone(talking("ann-2", "user", 10), 20, word);
        let consults = |told: Vec<String>| -> Vec<String> {
            let consults = told.into_iter();
            consults
                .filter(|line| line.starts_with("Consult"))
                .collect()
        };
        let mut told = consults(news(&mut ear, NESTED, &ended));
        if word == "client" {
            // The first conversation may have handed the call on, and say so a moment later.
            assert_eq!(told, [""; 0]);
            ear.now.elapsed += Duration::from_secs(4);
            ear.calls.handle_timeout(ear.now);
            assert!(ear.events().is_empty());
            ear.now.elapsed += Duration::from_secs(2);
            ear.calls.handle_timeout(ear.now);
            told = ear.events().iter().map(short).collect();
        }
        assert_eq!(told, [kind]);
    }
}

/// The end of the conversation that was asked comes before the body of the first that shows what it was for.
#[test]
fn a_consult_that_handed_the_call_on_is_not_cancelled_by_its_end_that_comes_first() {
    let mut ear = Ear::new();
    let head = json!({"consultationConversations": [{"id": "conversation-2"}]});
    let ann = || agent("ann", "connected", json!({"connectedTime": at(5)}));
    let second = |ann, ben| {
        let head = json!({"associatedConversation": {"id": "conversation-1"}});
        called("conversation-2", &[ann, ben], head)
    };
    let first = called("conversation-1", &[customer(), ann()], head.clone());
    ear.told(NESTED, &first);
    let (asks, asked) = (talking("ann-2", "user", 10), talking("ben", "user", 12));
    ear.told(NESTED, &second(asks.clone(), asked.clone()));
    let ended = second(gone(asks, 20, "client"), gone(asked, 20, "peer"));
    ear.told(NESTED, &ended);
    let parties = [
        customer(),
        gone(ann(), 20, "transfer.consult"),
        talking("ben", "user", 20),
    ];
    let told = ear.told(NESTED, &called("conversation-1", &parties, head));
    let consults: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("Consult"))
        .collect();
    assert_eq!(consults, ["ConsultCompleted call"]);
    ear.now.elapsed += Duration::from_secs(60);
    ear.calls.handle_timeout(ear.now);
    assert!(ear.events().is_empty());
}

/// After a gap the two conversations are read one after the other: what the consult came to stands in the first one.
#[test]
fn a_consult_that_is_read_to_its_end_waits_for_what_it_came_to() {
    for (cause, kind) in [
        (
            "transfer.consult",
            "ConsultCompleted call (recovered) at 20",
        ),
        ("client", "ConsultCancelled call"),
    ] {
        let mut ear = Ear::new();
        let first = |ann: Value, ben: Option<Value>| {
            let parties: Vec<Value> = [Some(customer()), Some(ann), ben]
                .into_iter()
                .flatten()
                .collect();
            let more = json!({"consultationConversations": [{"id": "conversation-2"}]});
            called("conversation-1", &parties, more)
        };
        let second = |parties: &[Value]| {
            let more = json!({"associatedConversation": {"id": "conversation-1"}});
            called("conversation-2", parties, more)
        };
        let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
        ear.hear(NESTED, &first(ann.clone(), None).to_string());
        let asked = [talking("ann-2", "user", 10), talking("ben", "user", 12)];
        ear.hear(NESTED, &second(&asked).to_string());
        ear.events();
        let over = asked.map(|party| gone(party, 20, "client"));
        let consults = |told: &[String]| -> Vec<String> {
            let told = told.iter().filter(|line| line.starts_with("Consult"));
            told.cloned().collect()
        };
        let told = read(&mut ear, &second(&over));
        assert_eq!(consults(&told), [""; 0], "nothing is known of it yet");
        let back = match cause {
            "client" => first(ann, None),
            _ => first(gone(ann, 20, cause), Some(talking("ben-1", "user", 20))),
        };
        let mut told = read(&mut ear, &back);
        if cause == "client" {
            // A moment later.
            assert_eq!(consults(&told), [""; 0]);
            ear.now.elapsed += Duration::from_secs(6);
            ear.calls.handle_timeout(ear.now);
            told = ear.events().iter().map(short).collect();
        }
        assert_eq!(consults(&told), [kind]);
    }
}

/// Analytics know the consult to its end, and of the call that it was for only how it began: what it came to is known when
/// they tell that call to its end.
#[test]
fn a_consult_is_not_cancelled_by_analytics_that_lag() {
    let mut ear = Ear::new();
    let of = |id: &str, purpose: &str, from: u32, end: Option<(u32, &str)>| {
        let mut segment = json!({"segmentType": "interact", "segmentStart": at(from)});
        if let Some((second, how)) = end {
            segment["segmentEnd"] = json!(at(second));
            segment["disconnectType"] = json!(how);
        }
        json!({"participantId": id, "purpose": purpose, "sessions": [
            {"mediaType": "voice", "sessionId": format!("{id}-call"), "segments": [segment]}]})
    };
    let consult = json!({"conversationId": "conversation-2", "conversationEnd": at(20),
        "associatedConversationId": "conversation-1", "participants": [
        of("ann-2", "agent", 10, Some((20, "client"))), of("ben-2", "user", 12, Some((20, "peer")))]});
    let call = |parties: Value| {
        json!({"conversationId": "conversation-1",
            "consultationConversationIds": ["conversation-2"], "participants": parties})
    };
    let begun = call(json!([
        of("customer", "customer", 1, None),
        of("ann", "agent", 5, None)
    ]));
    let whole = with(
        call(json!([
            of("customer", "customer", 1, Some((30, "client"))),
            of("ann", "agent", 5, Some((20, "transfer.consult"))),
            of("ben", "agent", 20, Some((30, "peer")))
        ])),
        json!({"conversationEnd": at(30)}),
    );
    let mut consults = Vec::new();
    for (answer, wait) in [(&consult, 0), (&begun, 60), (&whole, 0)] {
        ear.calls
            .handle_analytics_details(&answer.to_string(), Source::Recovered, ear.now);
        ear.now.elapsed += Duration::from_secs(wait);
        ear.calls.handle_timeout(ear.now);
        let told = with_times(&ear.events()).into_iter();
        consults.extend(told.filter(|line| line.starts_with("Consult")));
    }
    let expected = [
        "ConsultStarted call (recovered)",
        "ConsultCompleted call (recovered) at 20",
    ];
    assert_eq!(consults, expected);
}

#[test]
fn a_consult_that_was_heard_of_before_its_contact_is_told_of_its_root_as_soon_as_it_is_known() {
    let mut ear = Ear::new();
    let second = |more: Value| called("conversation-2", &[talking("ann-2", "user", 10)], more);
    ear.hear(NESTED, &second(json!({})).to_string());
    ear.events();
    let first = called(
        "conversation-1",
        &[customer()],
        json!({"consultationConversations": [{"id": "conversation-2"}]}),
    );
    ear.hear(QUEUE, &first.to_string());
    ear.events();
    let mut muted = second(json!({}));
    muted["participants"][0]["calls"][0]["muted"] = json!(true);
    ear.hear(NESTED, &muted.to_string());
    let events = ear.events();
    let Subject::Connection(facts) = &events[0].subject else {
        panic!()
    };
    assert_eq!(
        (events[0].kind, facts.root_contact.as_str()),
        (EventKind::Muted, "conversation-1")
    );
}

#[test]
fn a_blind_transfer_names_who_takes_over() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let parties = [
        customer(),
        gone(ann, 20, "transfer"),
        someone("ben", "user", "alerting", json!({})),
    ];
    ear.hear(NESTED, &body(&parties).to_string());
    let events = ear.events();
    assert_eq!(reasons(&events, EventKind::Transferred), ["blind"]);
    let Detail::Related { new, .. } = &details(&events, EventKind::Transferred)[0] else {
        panic!()
    };
    assert_eq!(new.as_ref().unwrap().id(), "ben-call");
}

/// Neither who had left or talked before, nor who only listens.
#[test]
fn a_blind_transfer_goes_to_who_came_then() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    let before = [
        gone(someone("gone", "user", "alerting", json!({})), 8, "timeout"),
        talking("guest", "user", 10),
    ];
    let boss = with(
        talking("boss", "user", 20),
        json!({"monitoredParticipantId": "guest"}),
    );
    let ben = someone("ben", "user", "alerting", json!({}));
    let mut parties = vec![customer(), ann.clone()];
    parties.extend(before);
    news(&mut ear, NESTED, &body(&parties));
    parties[1] = gone(ann, 20, "transfer");
    parties.extend([boss, ben]);
    ear.hear(NESTED, &body(&parties).to_string());
    let events = ear.events();
    let Detail::Related { old, new, .. } = &details(&events, EventKind::Transferred)[0] else {
        panic!("{events:?}")
    };
    let ids = [old, new].map(|party| party.as_ref().map(ConnectionRef::id));
    assert_eq!(ids, [Some("ann-call"), Some("ben-call")]);
}

#[test]
fn a_supervisor_listens_speaks_and_breaks_in() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    let boss = |more: Value| with(talking("boss", "user", 20), more);
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let bodies = [
        json!({"monitoredParticipantId": "ann"}),
        json!({"monitoredParticipantId": "ann", "coachedParticipantId": "ann"}),
        json!({"bargedParticipantId": "ann"}),
    ]
    .map(|more| body(&[customer(), ann.clone(), boss(more)]));
    assert_eq!(
        news(&mut ear, NESTED, &bodies[0]),
        ["Established boss", "MonitoringStarted boss"]
    );
    assert_eq!(news(&mut ear, NESTED, &bodies[1]), ["CoachingStarted boss"]);
    assert_eq!(
        news(&mut ear, NESTED, &bodies[2]),
        ["BargedIn boss", "Conferenced call"]
    );
}

#[test]
fn a_voicemail_takes_a_message() {
    let mut ear = Ear::new();
    let voicemail = talking("box", "voicemail", 5);
    news(&mut ear, QUEUE, &body(&[customer(), voicemail.clone()]));
    assert_eq!(
        news(
            &mut ear,
            QUEUE,
            &body(&[customer(), gone(voicemail, 20, "peer")])
        ),
        ["VoicemailDeposited box", "ConnectionCleared box"]
    );
}

#[test]
fn a_callback_is_scheduled_offered_taken_and_followed_by_its_call() {
    let mut ear = Ear::new();
    let callback = |state: &str, more: Value| {
        let object = with(
            json!({"id": "cb", "state": state, "initialState": "scheduled",
            "callbackNumbers": ["tel:+13175550100"], "callbackScheduledTime": at(30)}),
            more,
        );
        json!({"id": "ann", "purpose": "agent", "userId": "ann", "callbacks": [object]})
    };
    ear.hear(
        NESTED,
        &body(&[callback("scheduled", json!({}))]).to_string(),
    );
    let events = ear.events();
    let Detail::Callback {
        numbers, scheduled, ..
    } = &details(&events, EventKind::CallbackScheduled)[0]
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (&*numbers[0], *scheduled),
        ("tel:+13175550100", UtcMicros::from_iso(&at(30)))
    );
    assert_eq!(
        news(&mut ear, NESTED, &body(&[callback("alerting", json!({}))])),
        ["CallbackDelivered ann"]
    );
    let taken = callback("connected", json!({"connectedTime": at(31)}));
    assert_eq!(
        news(&mut ear, NESTED, &body(std::slice::from_ref(&taken))),
        ["CallbackEstablished ann"]
    );
    let mut calling = taken.clone();
    calling["calls"] = json!([{"id": "voice", "state": "connected", "direction": "outbound", "connectedTime": at(35)}]);
    assert_eq!(
        news(&mut ear, NESTED, &body(std::slice::from_ref(&calling))),
        ["Established ann"]
    );
    calling["calls"][0]["state"] = json!("terminated");
    calling["calls"][0]["disconnectedTime"] = json!(at(50));
    assert_eq!(
        news(&mut ear, NESTED, &body(std::slice::from_ref(&calling))),
        ["ConnectionCleared ann"]
    );
    calling["callbacks"][0]["state"] = json!("terminated");
    calling["callbacks"][0]["disconnectedTime"] = json!(at(55));
    assert_eq!(
        news(&mut ear, NESTED, &body(&[calling])),
        [
            "CallbackCleared ann",
            "CallCleared call",
            "CallTerminated call"
        ]
    );
}

#[test]
fn a_dialers_call_says_so() {
    let mut ear = Ear::new();
    let dialer = talking("dialer", "dialer", 1);
    let contact = with(
        someone(
            "customer",
            "customer",
            "dialing",
            json!({"direction": "outbound"}),
        ),
        json!({"attributes": {"dialerCampaignId": "k1", "dialerContactId": "k2", "dialerContactListId": "k3"}}),
    );
    ear.hear(QUEUE, &body(&[dialer.clone(), contact.clone()]).to_string());
    let events = ear.events();
    let dialed = events
        .iter()
        .find(|event| event.kind == EventKind::Originated)
        .unwrap();
    assert_eq!(
        (dialed.cause, &*dialed.raw),
        (Cause::MakePredictiveCall, "dialing")
    );
    let Some(Detail::Dialer {
        campaign: Some(campaign),
        ..
    }) = dialed.detail.as_deref()
    else {
        panic!("{dialed:?}");
    };
    assert_eq!(
        (
            &*campaign.campaign,
            &*campaign.contact,
            &*campaign.contact_list
        ),
        ("k1", "k2", "k3")
    );
    // The agent's station is called too, but by no dialer.
    let station = agent("ann", "contacting", json!({"initialState": "contacting"}));
    let parties = [dialer.clone(), contact.clone(), station.clone()];
    ear.hear(QUEUE, &body(&parties).to_string());
    let events = ear.events();
    let called = (events
        .iter()
        .find(|event| event.kind == EventKind::Originated))
    .unwrap();
    assert_eq!((called.cause, &*called.raw), (Cause::None, "contacting"));
    assert_eq!(called.detail, None);
    let mut ended = gone(contact, 9, "uncallable");
    ended["calls"][0]["disposition"] =
        json!({"name": "disposition.classification.callable.busy", "analyzer": "amd"});
    ear.hear(QUEUE, &body(&[dialer, ended, station]).to_string());
    let events = ear.events();
    assert!(events.iter().any(|event| event.kind == EventKind::Failed));
    let Detail::Dialer { disposition, .. } = &details(&events, EventKind::ConnectionCleared)[0]
    else {
        panic!()
    };
    assert!(disposition.ends_with("busy"));
}

#[test]
fn work_after_the_call_and_its_wrapup_come_after_the_end() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let over = [
        gone(customer(), 9, "peer"),
        with(gone(ann, 9, "peer"), json!({"startAcwTime": at(9)})),
    ];
    let told = news(&mut ear, NESTED, &body(&over));
    assert!(
        told.ends_with(&["CallCleared call".to_owned()]),
        "not terminated while work goes on: {told:?}"
    );
    assert!(told.contains(&"AfterCallWorkStarted ann".to_owned()));
    let wrapped = |code: &str, second: u32| {
        json!({"endAcwTime": at(30),
        "wrapup": {"code": code, "notes": "paid with 4111 1111 1111 1111", "tags": ["t"], "durationSeconds": 21, "endTime": at(second)}})
    };
    let done = [
        over[0].clone(),
        with(over[1].clone(), wrapped("solved", 30)),
    ];
    ear.hear(NESTED, &body(&done).to_string());
    let events = ear.events();
    assert_eq!(
        events.iter().map(short).collect::<Vec<_>>(),
        [
            "AfterCallWorkEnded ann",
            "WrapUp ann",
            "CallTerminated call"
        ]
    );
    let Detail::WrapUp {
        notes, duration_s, ..
    } = &details(&events, EventKind::WrapUp)[0]
    else {
        panic!()
    };
    assert_eq!(
        (&**notes, *duration_s),
        ("paid with **** **** **** 1111", Some(21))
    );
    let all = format!("{events:?} {:?}", ear.calls);
    assert!(!all.contains("paid with"), "notes are private: {all}");
    // A correction within the minute is told, an older one is not.
    let corrected = [over[0].clone(), with(over[1].clone(), wrapped("other", 40))];
    assert_eq!(news(&mut ear, NESTED, &body(&corrected)), ["WrapUp ann"]);
    assert_eq!(ear.hear(NESTED, &body(&done).to_string()), Heard::Stale);
    assert_eq!(ear.events(), []);
}

#[test]
fn skipped_work_is_no_work() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let skipped = with(
        gone(ann, 9, "peer"),
        json!({"startAcwTime": at(9), "endAcwTime": at(9)}),
    );
    assert_eq!(
        news(&mut ear, NESTED, &body(&[customer(), skipped])),
        ["ConnectionCleared ann"]
    );
}

fn attached(attributes: Value) -> Value {
    body(&[
        with(customer(), json!({"attributes": attributes})),
        agent("ann", "connected", json!({"connectedTime": at(5)})),
    ])
}

#[test]
fn attributes_are_told_key_by_key_with_first_and_last_value() {
    let mut ear = Ear::new();
    news(&mut ear, NESTED, &attached(json!({"intent": "billing"})));
    let mut ids = BTreeSet::new();
    let mut told = Vec::new();
    for value in ["fraud", "billing", "fraud"] {
        ear.hear(
            NESTED,
            &attached(json!({"intent": value, "case": "7"})).to_string(),
        );
        ear.hear(
            BEN,
            &attached(json!({"intent": value, "case": "7"})).to_string(),
        );
        for event in ear.events() {
            assert!(ids.insert(event.id), "each time of a value has its own id");
            assert!(!event.id_exact);
            let Some(Detail::Attribute {
                key,
                value,
                previous,
                first,
            }) = event.detail.as_deref()
            else {
                continue;
            };
            told.push(format!(
                "{key} {:?} -> {} (first {})",
                previous.as_deref(),
                &**value,
                &**first
            ));
        }
    }
    assert_eq!(
        told,
        [
            "intent Some(\"billing\") -> fraud (first billing)",
            "case None -> 7 (first 7)",
            "intent Some(\"fraud\") -> billing (first billing)",
            "intent Some(\"billing\") -> fraud (first billing)",
        ]
    );
    let over = body(&[
        with(
            gone(customer(), 20, "peer"),
            json!({"attributes": {"intent": "fraud", "case": "7"}}),
        ),
        gone(
            agent("ann", "terminated", json!({"connectedTime": at(5)})),
            20,
            "peer",
        ),
    ]);
    ear.hear(NESTED, &over.to_string());
    let events = ear.events();
    let Detail::Attributes(all) = &details(&events, EventKind::CallCleared)[0] else {
        panic!()
    };
    let all: Vec<_> = all
        .iter()
        .map(|one| (&*one.key, &*one.first, &*one.last))
        .collect();
    assert_eq!(all, [("intent", "billing", "fraud"), ("case", "7", "7")]);
}

/// What a rule hides is nowhere: not in an event, not in its `Debug`.
#[test]
fn what_may_not_be_told_leaves_no_trace() {
    let mut ear = Ear::new();
    let allow = [AllowedKey::Whole("card".into())];
    ear.calls = Calls::with_rules(
        1 << 20,
        AttributeRules::new(&allow, &AttributeMask::default()),
    );
    ear.hear(
        NESTED,
        &attached(json!({"card": "4111111111111111", "diagnosis": "XYZZY-SECRET"})).to_string(),
    );
    let events = ear.events();
    let Detail::Attribute { key, value, .. } = &details(&events, EventKind::AttributeChanged)[0]
    else {
        panic!()
    };
    assert_eq!((&**key, &**value), ("card", "************1111"));
    assert_eq!(details(&events, EventKind::AttributeChanged).len(), 1);
    let all = format!("{events:?} {:?}", ear.calls.conversations);
    assert!(
        !all.contains("XYZZY") && !all.contains("4111") && !all.contains("1111"),
        "{all}"
    );
}

#[test]
fn the_class_of_each_kind_is_what_its_ids_are() {
    let mut ear = Ear::new();
    let mut events = Vec::new();
    for body in story() {
        ear.hear(NESTED, &body.to_string());
        events.extend(ear.events());
    }
    for event in events {
        let exact = match event.kind.id_class() {
            IdClass::Once => true,
            IdClass::Timed => event.platform_time.is_some(),
            IdClass::Untimed | IdClass::Feed => false,
        };
        assert_eq!(event.id_exact, exact, "{}", short(&event));
    }
}

#[test]
fn quiet_calls_are_named_longest_unheard_first() {
    let mut ear = Ear::new();
    for id in ["c-1", "c-2", "c-3"] {
        ear.hear(NESTED, &called(id, &[customer()], json!({})).to_string());
        ear.now.elapsed += Duration::from_secs(60);
    }
    ear.hear(
        NESTED,
        &called("c-1", &[customer()], json!({"address": "x"})).to_string(),
    );
    let quiet = ear
        .calls
        .quiet_conversations(Duration::from_secs(60), ear.now);
    assert_eq!(
        quiet.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        ["c-2", "c-3"]
    );
}

#[test]
fn a_participant_who_is_not_called_yet_ends_no_call() {
    let mut ear = Ear::new();
    let nobody = |state: &str, more: Value| {
        let customer = someone("customer", "customer", state, more);
        body(&[with(customer, json!({"attributes": {"intent": "billing"}}))])
    };
    assert_eq!(
        ear.told(NESTED, &nobody("none", json!({}))),
        ["CallCreated call", "AttributeChanged customer (snapshot)"]
    );
    let taken = nobody("connected", json!({"connectedTime": at(5)}));
    assert_eq!(ear.told(NESTED, &taken), ["Established customer"]);
}

/// The events of an answer to a read, in short, with the seconds of their time.
fn read(ear: &mut Ear, body: &Value) -> Vec<String> {
    let asked = ear.now.elapsed;
    read_asked(ear, body, asked)
}

/// The same, of one that was asked for then.
fn read_asked(ear: &mut Ear, body: &Value, asked: Duration) -> Vec<String> {
    let (body, source) = (body.to_string(), Source::Recovered);
    (ear.calls).handle_conversation_read(&body, source, asked, ear.now);
    with_times(&ear.events())
}

fn with_times(events: &[Event]) -> Vec<String> {
    let second = |event: &Event| event.platform_time.map(|time| time.0 / 1_000_000 % 60);
    (events.iter())
        .map(|event| match second(event) {
            Some(second) => format!("{} at {second}", short(event)),
            None => short(event),
        })
        .collect()
}

#[test]
fn a_conversation_that_ends_before_anybody_was_called_leaves() {
    let mut ear = Ear::new();
    let shown = body(&[someone("customer", "customer", "none", json!({}))]);
    assert_eq!(ear.told(NESTED, &shown), ["CallCreated call"]);
    assert_eq!(
        read(&mut ear, &with(shown, json!({"endTime": at(20)}))),
        [
            "CallCleared call (recovered)",
            "CallTerminated call (recovered)"
        ]
    );
    assert_eq!(ear.calls.open_conversations(), 0);
}

/// The platform has forgotten one that nobody was ever called in.
#[test]
fn a_conversation_that_is_unknown_before_anybody_was_called_leaves() {
    let mut ear = Ear::new();
    let shown = body(&[someone("customer", "customer", "none", json!({}))]);
    assert_eq!(ear.told(NESTED, &shown), ["CallCreated call"]);
    ear.calls.handle_gone(&"conversation-1".into(), ear.now);
    let events = ear.events();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::CallCleared, EventKind::CallTerminated]);
    for event in &events {
        let told = (event.source, &*event.reason);
        assert_eq!(told, (Source::Synthetic, "conversation.unknown"));
    }
    assert_eq!(ear.calls.open_conversations(), 0);
}

fn held(since: u32, past: Value) -> Value {
    let call =
        json!({"connectedTime": at(5), "held": true, "startHoldTime": at(since), "segments": past});
    agent("ann", "connected", call)
}

/// Notifications go on before the read that fills the gap is answered.
#[test]
fn a_hold_that_was_missed_is_told_after_a_later_one_and_does_not_end_it() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    ear.told(NESTED, &body(&[customer(), ann.clone()]));
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    ear.told(NESTED, &body(&[customer(), held(20, json!([]))]));
    let past = json!([{"type": "hold", "startTime": at(10), "endTime": at(15)}]);
    let answer = body(&[customer(), held(20, past)]);
    assert_eq!(
        read(&mut ear, &answer),
        [
            "Held ann (recovered) at 10",
            "Retrieved ann (recovered) at 15"
        ]
    );
    assert_eq!(read(&mut ear, &answer), [""; 0]);
    ear.hear(NESTED, &body(&[customer(), ann]).to_string());
    let events = ear.events();
    assert_eq!(
        (events[0].kind, events[0].previous, events[0].held),
        (EventKind::Retrieved, ConnectionState::Hold, Flag::No)
    );
}

/// The topic shows the connection as not held before the gap and after it; only the read between them shows the hold.
#[test]
fn a_hold_that_only_a_read_showed_ends_with_the_next_body_that_shows_none() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    ear.told(NESTED, &body(&[customer(), ann.clone()]));
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    let waits = body(&[customer(), held(20, json!([]))]);
    assert_eq!(read(&mut ear, &waits), ["Held ann (recovered) at 20"]);
    assert_eq!(read(&mut ear, &waits), [""; 0]);
    ear.now.elapsed += Duration::from_secs(10);
    let talks = body(&[customer(), ann]);
    assert_eq!(ear.told(NESTED, &talks), ["Retrieved ann"]);
    assert_eq!(ear.told(FLAT, &flat(&talks)), [""; 0]);
}

/// A body that shows no hold comes so soon after the read that it may be older: if it is, the hold is shown within seconds.
/// If nothing is, it had ended, whether something comes or nothing does.
#[test]
fn a_hold_that_a_read_showed_and_the_next_body_did_not_is_over_some_seconds_later() {
    let ann = || agent("ann", "connected", json!({"connectedTime": at(5)}));
    let talks = |more: Value| with(body(&[customer(), ann()]), json!({"address": more}));
    let waits = || body(&[customer(), held(20, json!([]))]);
    let begin = || {
        let mut ear = Ear::new();
        ear.told(NESTED, &talks(json!("a")));
        ear.calls
            .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
        assert_eq!(read(&mut ear, &waits()), ["Held ann (recovered) at 20"]);
        assert_eq!(ear.told(NESTED, &talks(json!("b"))), [""; 0]);
        ear
    };
    let pass = |ear: &mut Ear, seconds: u64| -> Vec<String> {
        ear.now.elapsed += Duration::from_secs(seconds);
        ear.calls.handle_timeout(ear.now);
        ear.events().iter().map(short).collect()
    };
    // Nothing comes.
    let mut ear = begin();
    assert_eq!(pass(&mut ear, 4), [""; 0]);
    assert_eq!(pass(&mut ear, 2), ["Retrieved ann"]);
    assert_eq!(pass(&mut ear, 60), [""; 0]);
    // The end of the connection comes, and repeats nothing of the party before.
    let mut ear = begin();
    ear.now.elapsed += Duration::from_secs(6);
    let told = ear.told(NESTED, &over(json!([])));
    assert_eq!(told[..2], ["Retrieved ann", "ConnectionCleared customer"]);
    // The body was older than the read.
    let mut ear = begin();
    assert_eq!(pass(&mut ear, 4), [""; 0]);
    assert_eq!(ear.told(NESTED, &waits()), [""; 0]);
    assert_eq!(pass(&mut ear, 60), [""; 0]);
    assert_eq!(ear.told(NESTED, &talks(json!("c"))), ["Retrieved ann"]);
    // Nothing can come.
    let mut ear = begin();
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    assert_eq!(pass(&mut ear, 60), [""; 0]);
}

/// The platform gives every segment an end; live nobody is told of a hold that ends with its connection.
#[test]
fn a_hold_that_lasted_until_the_connection_ended_was_not_taken_back() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    ear.told(NESTED, &body(&[customer(), ann]));
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    let holds = json!([{"type": "hold", "startTime": at(10), "endTime": at(15)},
        {"type": "hold", "startTime": at(20), "endTime": at(30)}]);
    let call = json!({"connectedTime": at(5), "disconnectedTime": at(30), "segments": holds});
    let answer = body(&[customer(), agent("ann", "disconnected", call)]);
    assert_eq!(
        read(&mut ear, &answer),
        [
            "Held ann (recovered) at 10",
            "Retrieved ann (recovered) at 15",
            "Held ann (recovered) at 20",
            "ConnectionCleared ann (recovered) at 30"
        ]
    );
}

/// Reads alone tell of parkings that began and ended in a gap: the segments of a conversation, and those of analytics.
#[test]
fn parkings_that_were_missed_are_told_from_segments() {
    let ann = || agent("ann", "connected", json!({"connectedTime": at(5)}));
    let lost = |ear: &mut Ear| {
        ear.calls
            .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    };
    let told = [
        "Parked ann (recovered) at 10",
        "Unparked ann (recovered) at 15",
        "Parked ann (recovered) at 20",
        "ConnectionCleared ann (recovered) at 30",
    ];
    let spells = [
        ("interact", 5, 10),
        ("parked", 10, 15),
        ("interact", 15, 20),
        ("parked", 20, 30),
    ];

    let mut ear = Ear::new();
    ear.told(FLAT, &flat(&body(&[customer(), ann()])));
    lost(&mut ear);
    let segments = spells
        .map(|(kind, from, to)| json!({"type": kind, "startTime": at(from), "endTime": at(to)}));
    let call = json!({"connectedTime": at(5), "disconnectedTime": at(30), "segments": segments});
    let answer = body(&[customer(), agent("ann", "disconnected", call)]);
    assert_eq!(read(&mut ear, &answer), told);

    let mut ear = Ear::new();
    ear.told(FLAT, &flat(&body(&[customer(), ann()])));
    // One that was shown before the gap and ended in it.
    let mut shown = flat(&body(&[customer(), ann()]));
    shown["participants"][1]["state"] = json!("parked");
    shown["participants"][1]["parkTime"] = json!(at(7));
    ear.hear(FLAT, &shown.to_string());
    let before = ear.events();
    lost(&mut ear);
    let mut segments = spells.map(|(kind, from, to)| {
        json!({"segmentType": kind, "segmentStart": at(from), "segmentEnd": at(to)})
    });
    segments[0] = json!({"segmentType": "parked", "segmentStart": at(7), "segmentEnd": at(9)});
    segments[3]["disconnectType"] = json!("client");
    let of = |id: &str, purpose: &str, segments: &[Value]| {
        json!({"participantId": id, "purpose": purpose, "sessions": [
            {"mediaType": "voice", "sessionId": format!("{id}-call"), "segments": segments}]})
    };
    let outside = json!({"segmentType": "interact", "segmentStart": at(1)});
    let answer = json!({"conversationId": "conversation-1", "participants": [
        of("customer", "customer", &[outside]), of("ann", "agent", &segments)]});
    ear.calls
        .handle_analytics_details(&answer.to_string(), Source::Recovered, ear.now);
    let events = ear.events();
    assert_eq!(before[0].kind, EventKind::Parked);
    assert_eq!(
        with_times(&events),
        [&["Unparked ann (recovered) at 9"][..], &told].concat()
    );
    let parked = events
        .iter()
        .filter(|event| event.kind == EventKind::Parked);
    assert!(parked.clone().count() == 2 && parked.clone().all(|event| event.id_exact));
    let answer_again = answer.to_string();
    ear.calls
        .handle_analytics_details(&answer_again, Source::Recovered, ear.now);
    assert_eq!(with_times(&ear.events()), [""; 0]);
}

/// Ann's connection over, with the holds that a read tells of it.
fn over(holds: Value) -> Value {
    let call = json!({"connectedTime": at(5), "segments": holds});
    body(&[
        gone(customer(), 30, "client"),
        gone(agent("ann", "connected", call), 30, "peer"),
    ])
}

fn holds(all: &[(u32, u32)]) -> Value {
    let hold = |(from, to): &(u32, u32)| json!({"type": "hold", "startTime": at(*from), "endTime": at(*to)});
    all.iter().map(hold).collect()
}

/// Long enough for a conversation that is over to be let go of.
fn bury(ear: &mut Ear) {
    ear.now.elapsed += super::super::LINGERS_CLEARED;
    ear.calls.handle_timeout(ear.now);
    assert_eq!(ear.calls.snapshot_bytes(), 0);
}

/// The connection ends, live, before the gap is read in which it was held: what is read then is told late, under the ids
/// that an undisturbed feed has, and once, however often and from whatever it is read.
#[test]
fn holds_that_are_read_after_the_end_of_their_connection_are_told_late_and_once() {
    let ids = |events: &[Event]| -> Vec<_> {
        let kinds = [EventKind::Held, EventKind::Retrieved];
        let holds = events.iter().filter(|event| kinds.contains(&event.kind));
        holds.map(|event| event.id).collect()
    };
    let ann = || agent("ann", "connected", json!({"connectedTime": at(5)}));
    let mut twin = Ear::new();
    let mut events = Vec::new();
    for shown in [
        ann(),
        held(10, json!([])),
        ann(),
        held(20, json!([])),
        ann(),
    ] {
        twin.hear(NESTED, &body(&[customer(), shown]).to_string());
        events.extend(twin.events());
    }
    let expected = ids(&events);
    assert_eq!(expected.len(), 4);
    let answer = over(holds(&[(10, 15), (20, 25)]));
    for (buried_before, buried_between) in [(false, false), (false, true), (true, false)] {
        let mut ear = Ear::new();
        ear.told(NESTED, &body(&[customer(), ann()]));
        ear.calls
            .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
        ear.told(NESTED, &over(json!([])));
        if buried_before {
            bury(&mut ear);
        }
        ear.calls.handle_conversation_read(
            &answer.to_string(),
            Source::Recovered,
            ear.now.elapsed,
            ear.now,
        );
        let events = ear.events();
        assert_eq!(ids(&events), expected, "{buried_before}");
        let times = [10, 15, 20, 25].map(|second| UtcMicros::from_iso(&at(second)));
        for (event, time) in events.iter().zip(times) {
            assert_eq!(event.platform_time, time);
            assert_eq!(event.source, Source::Recovered);
            // The connection is over, and stays so.
            let (state, previous) = (event.state, event.previous);
            assert_eq!(
                (state, previous),
                (ConnectionState::Null, ConnectionState::Null)
            );
            assert_ne!(event.held, Flag::Yes);
            let Subject::Connection(facts) = &event.subject else {
                panic!("{event:?}");
            };
            assert!(
                facts
                    .user
                    .as_ref()
                    .is_some_and(|user| user.id.as_str() == "ann")
            );
        }
        if buried_between {
            bury(&mut ear);
        }
        assert_eq!(read(&mut ear, &answer), [""; 0]);
        let mut more = over(holds(&[(10, 15), (18, 19), (20, 25)]));
        let parking = json!({"type": "parked", "startTime": at(26), "endTime": at(27)});
        let segments = more["participants"][1]["calls"][0]["segments"].as_array_mut();
        segments.unwrap().push(parking);
        assert_eq!(
            read(&mut ear, &more),
            [
                "Held ann (recovered) at 18",
                "Retrieved ann (recovered) at 19",
                "Parked ann (recovered) at 26",
                "Unparked ann (recovered) at 27"
            ]
        );
        bury(&mut ear);
        assert_eq!(read(&mut ear, &more), [""; 0]);
        assert_eq!(ear.calls.open_connections(), 0);
    }
}

/// The hold was told, not its end; the connection's end was.
#[test]
fn the_end_of_a_hold_that_is_read_after_the_end_of_the_connection_is_told_late() {
    for is_buried in [false, true] {
        for (to, told) in [(25, &["Retrieved ann (recovered) at 25"][..]), (30, &[])] {
            let mut ear = Ear::new();
            ear.told(NESTED, &body(&[customer(), held(20, json!([]))]));
            ear.calls
                .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
            ear.told(NESTED, &over(json!([])));
            if is_buried {
                bury(&mut ear);
            }
            let answer = over(holds(&[(20, to)]));
            assert_eq!(read(&mut ear, &answer), told);
            assert_eq!(read(&mut ear, &answer), [""; 0]);
            bury(&mut ear);
            assert_eq!(read(&mut ear, &answer), [""; 0]);
        }
    }
}

/// A hold that was told without its time may be any of those that are read.
#[test]
fn a_hold_without_a_time_keeps_those_that_are_read_late_from_being_told() {
    for is_buried in [false, true] {
        let mut ear = Ear::new();
        let call = json!({"connectedTime": at(5), "held": true});
        ear.told(
            NESTED,
            &body(&[customer(), agent("ann", "connected", call)]),
        );
        ear.told(NESTED, &over(json!([])));
        if is_buried {
            bury(&mut ear);
        }
        assert_eq!(read(&mut ear, &over(holds(&[(10, 15)]))), [""; 0]);
    }
}

/// The conversation had ended and goes on when its first connection's hold is read.
#[test]
fn a_hold_of_a_connection_before_the_conversation_went_on_is_told_late_and_once() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    ear.told(NESTED, &body(&[customer(), ann]));
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    let mut answer = over(json!([]));
    ear.told(NESTED, &answer);
    bury(&mut ear);
    let parties = answer["participants"].as_array_mut().unwrap();
    parties.push(agent("ben", "connected", json!({"connectedTime": at(40)})));
    assert_eq!(ear.told(BEN, &answer)[0], "Delivered ben (snapshot)");
    answer["participants"][1]["calls"][0]["segments"] = holds(&[(10, 15)]);
    for told in [
        &[
            "Held ann (recovered) at 10",
            "Retrieved ann (recovered) at 15",
        ][..],
        &[],
    ] {
        assert_eq!(read(&mut ear, &answer), told);
    }
    answer["participants"][2] = gone(answer["participants"][2].take(), 50, "peer");
    ear.told(BEN, &answer);
    bury(&mut ear);
    assert_eq!(read(&mut ear, &answer), [""; 0]);
}

/// A call that began and ended in a gap: its details tell the end, and no offer and no attribute.
#[test]
fn what_only_the_conversation_tells_of_a_call_that_is_over_comes_after_its_end() {
    let mut ear = Ear::new();
    let segment = json!({"segmentType": "interact", "segmentStart": at(5), "segmentEnd": at(30),
        "disconnectType": "client"});
    let details = json!({"conversationId": "conversation-1", "conversationEnd": at(30), "participants": [
        {"participantId": "customer", "purpose": "customer", "sessions": [
            {"mediaType": "voice", "sessionId": "customer-call", "segments": [segment]}]}]});
    let source = Source::Recovered;
    ear.calls
        .handle_analytics_details(&details.to_string(), source, ear.now);
    let told: Vec<_> = ear.events().iter().map(short).collect();
    assert!(
        told.contains(&"ConnectionCleared customer (recovered)".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"CallTerminated call (recovered)".to_owned()),
        "{told:?}"
    );
    // Its turn comes after many others'.
    ear.now.elapsed += Duration::from_secs(14 * 60);
    ear.calls.handle_timeout(ear.now);
    let call =
        json!({"initialState": "offering", "connectedTime": at(5), "disconnectedTime": at(30)});
    let party = someone("customer", "customer", "disconnected", call);
    let party = with(
        party,
        json!({"startTime": at(3), "attributes": {"intent": "billing"}}),
    );
    let answer = with(body(&[party]), json!({"endTime": at(30)}));
    let told = read(&mut ear, &answer);
    let expected = [
        "Offered customer (recovered) at 3",
        "AttributeChanged customer (recovered)",
    ];
    assert_eq!(told, expected);
    assert_eq!(read(&mut ear, &answer), [""; 0]);
    // Then it is let go of.
    ear.now.elapsed += Duration::from_secs(7 * 60);
    ear.calls.handle_timeout(ear.now);
    assert_eq!(read(&mut ear, &answer), [""; 0]);
}

/// The flow's connection is over when the gap ends; the call goes on, and its topics show what analytics did not tell.
#[test]
fn what_analytics_did_not_tell_of_a_connection_that_is_over_comes_with_the_next_body() {
    let of = |id: &str, purpose: &str, segment: Value| {
        json!({"participantId": id, "purpose": purpose, "sessions": [
            {"mediaType": "voice", "sessionId": format!("{id}-call"), "segments": [segment]}]})
    };
    let talks = json!({"segmentType": "interact", "segmentStart": at(5)});
    let left = json!({"segmentType": "ivr", "segmentStart": at(5), "segmentEnd": at(9), "disconnectType": "transfer"});
    let details = json!({"conversationId": "conversation-1", "participants": [
        of("customer", "customer", talks), of("menu", "ivr", left)]});
    let mut ear = Ear::new();
    ear.calls
        .handle_analytics_details(&details.to_string(), Source::Recovered, ear.now);
    let told: Vec<_> = ear.events().iter().map(short).collect();
    assert!(
        told.contains(&"ConnectionCleared menu (recovered)".to_owned()),
        "{told:?}"
    );
    let call = json!({"initialState": "offering", "connectedTime": at(5), "disconnectedTime": at(9),
        "disconnectType": "transfer"});
    let menu = someone("menu", "ivr", "disconnected", call);
    let shown = body(&[customer(), menu]);
    assert_eq!(ear.told(NESTED, &shown), ["Offered menu (snapshot)"]);
    assert_eq!(ear.told(FLAT, &flat(&shown)), [""; 0]);
}

/// A session names whom it is about by what it came to last; what it was before stands in its segments alone.
#[test]
fn what_a_supervisor_did_before_is_read_from_the_segments() {
    let segment = |kind: &str, from: u32, to: u32| json!({"segmentType": kind, "segmentStart": at(from), "segmentEnd": at(to)});
    let of = |id: &str, user: &str, more: Value, segments: Value| {
        let session =
            json!({"mediaType": "voice", "sessionId": format!("{id}-call"), "segments": segments});
        json!({"participantId": id, "purpose": "user", "userId": user, "sessions": [with(session, more)]})
    };
    let details = json!({"conversationId": "conversation-1", "conversationEnd": at(40), "participants": [
        of("ann", "ann", json!({}), json!([segment("interact", 5, 40)])),
        of("eve", "eve", json!({"coachedParticipantId": "ann"}),
            json!([segment("monitoring", 10, 20), segment("coaching", 20, 40)])),
        of("zoe", "zoe", json!({"bargedParticipantId": "ann"}), json!([segment("barging", 30, 40)]))]});
    let mut ear = Ear::new();
    ear.calls
        .handle_analytics_details(&details.to_string(), Source::Recovered, ear.now);
    let is_of = |event: &&Event| {
        matches!(
            event.kind,
            EventKind::MonitoringStarted | EventKind::CoachingStarted | EventKind::BargedIn
        )
    };
    let told: Vec<_> = ear.events().iter().filter(is_of).map(short).collect();
    assert_eq!(
        told,
        [
            "MonitoringStarted eve (recovered)",
            "CoachingStarted eve (recovered)",
            "BargedIn zoe (recovered)"
        ]
    );
}

#[test]
fn what_is_open_of_a_call_that_the_platform_does_not_know_any_more_is_closed_once() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    let shown = body(&[customer(), ann]);
    ear.told(NESTED, &shown);
    let gone = |ear: &mut Ear, id: &str| {
        ear.calls.handle_gone(&id.into(), ear.now);
        ear.events()
    };
    assert_eq!(gone(&mut ear, "another").len(), 0);
    let events = gone(&mut ear, "conversation-1");
    let cleared = events
        .iter()
        .filter(|event| event.kind == EventKind::ConnectionCleared);
    assert_eq!(cleared.count(), 2, "{events:?}");
    assert!(
        events
            .iter()
            .any(|event| event.kind == EventKind::CallCleared)
    );
    for event in &events {
        let told = (event.source, &*event.reason, event.platform_time);
        assert_eq!(told, (Source::Synthetic, "conversation.unknown", None));
    }
    assert_eq!(ear.calls.open_connections(), 0);
    assert_eq!(gone(&mut ear, "conversation-1").len(), 0);
    assert_eq!(
        ear.told(NESTED, &with(shown, json!({"address": "x"}))),
        [""; 0]
    );
}

#[test]
fn who_joins_while_another_is_held_is_added_to_the_conference() {
    let mut ear = Ear::new();
    let ann = || agent("ann", "connected", json!({"connectedTime": at(5)}));
    let cid = |more: Value| {
        let call = json!({"connectedTime": at(12)});
        someone("cid", "user", "connected", with(call, more))
    };
    let waits = || cid(json!({"held": true, "startHoldTime": at(20)}));
    let dan = || talking("dan", "user", 25);
    let bodies = [
        vec![customer(), ann(), cid(json!({}))],
        vec![customer(), ann(), waits()],
        vec![customer(), ann(), waits(), dan()],
        vec![customer(), ann(), cid(json!({})), dan()],
    ];
    news(&mut ear, NESTED, &body(&[customer(), ann()]));
    let told = bodies.map(|parties| news(&mut ear, NESTED, &body(&parties)));
    assert_eq!(
        told.concat(),
        [
            "Established cid",
            "Conferenced call",
            "Held cid",
            "Established dan",
            "PartyAdded dan",
            "Retrieved cid"
        ]
    );
}

#[test]
fn a_secure_pause_is_one_though_a_body_that_does_not_say_so_came_first() {
    let mut ear = Ear::new();
    let ann = |more: Value| {
        agent(
            "ann",
            "connected",
            with(json!({"connectedTime": at(5)}), more),
        )
    };
    let quiet = body(&[customer(), ann(json!({"recordingState": "active"}))]);
    let secure = json!({"recordingState": "paused", "securePause": true});
    let muted = with(secure.clone(), json!({"muted": true}));
    news(&mut ear, NESTED, &quiet);
    let mut shown = flat(&quiet);
    shown["participants"][1]["recordingState"] = json!("active");
    news(&mut ear, FLAT, &shown);
    shown["participants"][1]["recordingState"] = json!("paused");
    assert_eq!(news(&mut ear, FLAT, &shown), ["RecordingPaused ann"]);
    news(&mut ear, NESTED, &body(&[customer(), ann(secure)]));
    ear.hear(NESTED, &body(&[customer(), ann(muted)]).to_string());
    let events = ear.events();
    assert_eq!(
        (events[0].kind, events[0].secure_pause),
        (EventKind::Muted, Flag::Yes)
    );
}

#[test]
fn long_work_after_a_call_is_told_to_its_end() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let over = [
        gone(customer(), 9, "peer"),
        with(gone(ann, 9, "peer"), json!({"startAcwTime": at(9)})),
    ];
    news(&mut ear, NESTED, &body(&over));
    for _ in 0..4 {
        ear.now.elapsed += Duration::from_secs(31 * 60);
        ear.calls.handle_timeout(ear.now);
    }
    let done = json!({"endAcwTime": "2027-01-15T10:05:00.000Z"});
    let done = [over[0].clone(), with(over[1].clone(), done)];
    assert_eq!(
        news(&mut ear, NESTED, &body(&done)),
        ["AfterCallWorkEnded ann", "CallTerminated call"]
    );
    news(&mut ear, NESTED, &called("another", &over, json!({})));
    for _ in 0..2 {
        ear.now.elapsed += Duration::from_secs(24 * 3600);
        ear.calls.handle_timeout(ear.now);
    }
    assert!(ear.calls.conversations.is_empty(), "none is kept for ever");
}

/// The second call of one participant: work after the first one is over, that after the second one is not.
#[test]
fn work_after_another_call_is_no_old_body() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let worked = json!({"startAcwTime": at(9), "endAcwTime": at(12)});
    let mut ann = with(gone(ann, 9, "peer"), worked);
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let second = json!({"id": "second", "state": "terminated", "connectedTime": at(20), "disconnectedTime": at(30)});
    (ann["calls"].as_array_mut().unwrap()).push(second);
    ann["startAcwTime"] = json!(at(30));
    ann.as_object_mut().unwrap().remove("endAcwTime");
    assert_eq!(
        news(&mut ear, NESTED, &body(&[customer(), ann])),
        ["Established ann", "ConnectionCleared ann"]
    );
}

#[test]
fn a_call_that_goes_on_after_its_end_is_told_by_a_read_too() {
    let mut ear = Ear::new();
    for body in story() {
        ear.told(NESTED, &body);
    }
    ear.now.elapsed += LINGERS_TERMINATED;
    ear.calls.handle_timeout(ear.now);
    let mut answer = story().pop().unwrap();
    assert_eq!(read(&mut ear, &answer), [""; 0]);
    (answer["participants"].as_array_mut().unwrap()).push(talking("ben", "user", 40));
    assert_eq!(
        read(&mut ear, &answer),
        ["Established ben (recovered) at 40"]
    );
}

/// What comes after the second end has as long as what came after the first.
#[test]
fn a_call_that_goes_on_after_its_end_leaves_by_its_last_end() {
    let mut ear = Ear::new();
    for body in story() {
        ear.told(NESTED, &body);
    }
    let ended = story().pop().unwrap();
    let and_ben = |ben: Value| {
        let mut body = ended.clone();
        (body["participants"].as_array_mut().unwrap()).push(ben);
        body
    };
    let ben = talking("ben", "user", 40);
    ear.now.elapsed += LINGERS_TERMINATED / 2;
    assert_eq!(
        news(&mut ear, NESTED, &and_ben(ben.clone())),
        ["Established ben"]
    );
    let ben = gone(ben, 50, "peer");
    ear.now.elapsed += LINGERS_TERMINATED / 4;
    assert_eq!(
        news(&mut ear, NESTED, &and_ben(ben.clone())),
        ["ConnectionCleared ben", "CallCleared call"]
    );
    ear.now.elapsed += LINGERS_TERMINATED / 2;
    ear.calls.handle_timeout(ear.now);
    let wrapup = json!({"wrapup": {"code": "sold", "endTime": at(60)}});
    assert_eq!(
        news(&mut ear, NESTED, &and_ben(with(ben, wrapup))),
        ["WrapUp ben"]
    );
    ear.now.elapsed += LINGERS_TERMINATED / 2;
    ear.calls.handle_timeout(ear.now);
    assert!(ear.calls.conversations.is_empty(), "none is kept for ever");
}

/// One answer tells that it went on, and that it has ended again.
#[test]
fn a_call_that_a_read_ends_again_leaves() {
    let mut ear = Ear::new();
    for body in story() {
        ear.told(NESTED, &body);
    }
    let mut answer = with(story().pop().unwrap(), json!({"endTime": at(50)}));
    (answer["participants"].as_array_mut().unwrap()).push(talking("ben", "user", 40));
    assert_eq!(
        read(&mut ear, &answer),
        [
            "Established ben (recovered) at 40",
            "ConnectionCleared ben (synthetic) at 50",
            "CallCleared call (synthetic) at 50"
        ]
    );
    ear.now.elapsed += Duration::from_secs(31 * 60);
    ear.calls.handle_timeout(ear.now);
    assert!(ear.calls.conversations.is_empty(), "none is kept for ever");
}

#[test]
fn a_consult_ends_with_a_call_that_is_closed() {
    let mut ear = Ear::new();
    consult(&mut ear);
    let waits = json!({"connectedTime": at(5), "held": true, "startHoldTime": at(8)});
    let parties = [customer(), asking(waits), talking("ben", "user", 12)];
    let told = read(&mut ear, &with(body(&parties), json!({"endTime": at(40)})));
    assert!(
        told.contains(&"ConsultCancelled ann (synthetic) at 40".to_owned()),
        "{told:?}"
    );
}

#[test]
fn a_conference_of_four_is_told_in_order_at_first_sight() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    let four = [
        customer(),
        ann,
        talking("ben", "user", 12),
        talking("cid", "user", 30),
    ];
    let told = news(&mut ear, NESTED, &body(&four));
    assert_eq!(
        told[told.len() - 2..],
        ["Conferenced call", "PartyAdded cid"]
    );
}

/// Whatever makes a topic's bodies look old for ever: a read still finds the end of the call.
#[test]
fn a_call_of_which_only_old_bodies_come_is_quiet() {
    let mut ear = Ear::new();
    let [ringing, connected, ..] = &story()[..] else {
        panic!()
    };
    ear.told(NESTED, ringing);
    ear.told(NESTED, connected);
    ear.now.elapsed += Duration::from_secs(60);
    assert_eq!(ear.hear(NESTED, &ringing.to_string()), Heard::Stale);
    let quiet = ear
        .calls
        .quiet_conversations(Duration::from_secs(60), ear.now);
    assert_eq!(quiet.len(), 1);
}

#[test]
fn work_that_goes_on_after_the_end_of_its_conversation_is_not_closed() {
    let mut ear = Ear::new();
    let ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    news(&mut ear, NESTED, &body(&[customer(), ann.clone()]));
    let over = |work: Value| {
        let ann = gone(
            agent("ann", "connected", json!({"connectedTime": at(5)})),
            9,
            "peer",
        );
        body(&[gone(customer(), 9, "peer"), with(ann, work)])
    };
    let pending = over(json!({"startAcwTime": at(9)}));
    news(&mut ear, NESTED, &pending);
    assert_eq!(
        read(&mut ear, &with(pending, json!({"endTime": at(9)}))),
        [""; 0]
    );
    assert_eq!(
        news(
            &mut ear,
            NESTED,
            &over(json!({"startAcwTime": at(9), "endAcwTime": at(30)}))
        ),
        ["AfterCallWorkEnded ann", "CallTerminated call"]
    );
}

/// A body that comes again and shows no party less, none less far, but an earlier time.
#[test]
fn a_body_that_is_old_by_its_times_changes_nothing() {
    let ann = |more: Value, member: Value| {
        let mut call = json!({"connectedTime": at(5)});
        (call.as_object_mut().unwrap()).extend(more.as_object().unwrap().clone());
        let ann = agent("ann", "connected", call);
        body(&[customer(), with(ann, member)])
    };
    let noted = |text: &str| json!({"attributes": {"note": text}});
    let held = |since: u32| json!({"held": true, "startHoldTime": at(since)});
    let worked = |more: Value| with(with(noted("old"), json!({"startAcwTime": at(9)})), more);
    let over = json!({"disconnectedTime": at(9), "disconnectType": "peer"});
    for (old, new) in [
        (ann(held(10), noted("old")), ann(held(20), noted("new"))),
        (
            ann(over.clone(), worked(json!({}))),
            ann(
                over,
                worked(json!({"endAcwTime": at(15), "attributes": {"note": "new"}})),
            ),
        ),
    ] {
        let mut ear = Ear::new();
        for shown in [&old, &new] {
            ear.hear(NESTED, &shown.to_string());
        }
        ear.events();
        assert_eq!(ear.hear(NESTED, &old.to_string()), Heard::Stale, "{old}");
        assert_eq!(ear.events(), []);
    }
}

/// The flat shape does not say which of a party's calls it shows.
#[test]
fn of_a_party_with_two_calls_the_flat_shape_tells_nothing() {
    let mut ear = Ear::new();
    let mut ann = agent("ann", "connected", json!({"connectedTime": at(5)}));
    let second = with(ann["calls"][0].clone(), json!({"id": "ann-call-2"}));
    ann["calls"].as_array_mut().unwrap().push(second);
    let nested = body(&[customer(), ann]);
    news(&mut ear, NESTED, &nested);
    let mut shown = flat(&nested);
    news(&mut ear, FLAT, &shown);
    shown["participants"][1]["muted"] = json!(true);
    assert_eq!(news(&mut ear, FLAT, &shown), [""; 0]);
}

#[test]
fn who_goes_on_by_another_medium_keeps_the_conversation_open() {
    let mut ear = Ear::new();
    let chats = |party: Value| with(party, json!({"chats": [{"state": "connected"}]}));
    news(&mut ear, NESTED, &body(&[chats(customer())]));
    let gone = chats(gone(customer(), 9, "peer"));
    assert_eq!(
        news(&mut ear, NESTED, &body(std::slice::from_ref(&gone))),
        ["ConnectionCleared customer"]
    );
    let over = with(gone, json!({"endTime": at(30)}));
    assert_eq!(
        news(&mut ear, NESTED, &body(&[over])),
        ["CallCleared call", "CallTerminated call"]
    );
}

/// Somebody talks, but not since the queue gave them the call.
#[test]
fn a_queue_is_answered_by_its_own_agents_and_in_its_time() {
    for (queue, since) in [("support", 9), ("sales", 3), ("sales", 15)] {
        let mut ear = Ear::new();
        let waiting = with(talking("queue", "acd", 6), json!({"queueId": "sales"}));
        let ann = agent("ann", "connected", json!({"connectedTime": at(since)}));
        let ann = with(ann, json!({"queueId": queue}));
        let parties = [customer(), waiting.clone()];
        news(&mut ear, QUEUE, &body(&parties));
        let parties = [customer(), gone(waiting, 12, "transfer"), ann];
        ear.hear(QUEUE, &body(&parties).to_string());
        let events = ear.events();
        assert_eq!(
            reasons(&events, EventKind::Dequeued),
            ["flow_out"],
            "{queue} {since}"
        );
    }
}

/// What only a read proves to be over says so, each event of it.
#[test]
fn a_proof_closes_callbacks_too() {
    let mut ear = Ear::new();
    let promised = with(
        customer(),
        json!({"callbacks": [{"id": "promise", "state": "scheduled", "initialState": "scheduled"}]}),
    );
    let mut read = body(&[promised]);
    ear.hear(NESTED, &read.to_string());
    ear.events();
    read["endTime"] = json!(at(50));
    let (source, now) = (Source::Recovered, ear.now);
    ear.calls
        .handle_conversation_read(&read.to_string(), source, now.elapsed, now);
    let events = ear.events();
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::ConnectionCleared,
            EventKind::CallbackCleared,
            EventKind::CallCleared,
            EventKind::CallTerminated,
        ]
    );
    for event in &events {
        let proved = (event.source, &*event.reason);
        let expected = (Source::Synthetic, "conversation.endTime");
        assert_eq!(proved, expected, "{:?}", event.kind);
    }
}

/// Another topic that lags shows a wrap-up that was corrected meanwhile.
#[test]
fn a_wrapup_that_was_corrected_does_not_come_back() {
    let mut ear = Ear::new();
    let given = |code: &str, second: u32| {
        let ann = gone(
            agent("ann", "connected", json!({"connectedTime": at(5)})),
            9,
            "peer",
        );
        let wrapup = json!({"wrapup": {"code": code, "endTime": at(second)}});
        body(&[gone(customer(), 9, "peer"), with(ann, wrapup)])
    };
    let wrapups = |ear: &mut Ear, topic, body: Value| {
        ear.hear(topic, &body.to_string());
        details(&ear.events(), EventKind::WrapUp).len()
    };
    assert_eq!(wrapups(&mut ear, NESTED, given("one", 20)), 1);
    assert_eq!(wrapups(&mut ear, NESTED, given("two", 30)), 1);
    assert_eq!(wrapups(&mut ear, QUEUE, given("one", 20)), 0);
}
