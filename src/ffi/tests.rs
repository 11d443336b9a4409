//! What the host is handed: every field in its place, the JSON of an event, and the numbers of the C ABI.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::ffi::{CStr, c_char, c_void};
use std::mem::{offset_of, size_of};
use std::sync::Arc;

use super::abi::*;
use super::api::{gca_abi_version, gca_get_api, gca_status_name, gca_version};
use super::event::{gca_event_json, with_state};
use super::host::CHost;
use crate::delivery::{Host, Offer, Verdict};
use crate::model::event::*;
use crate::model::feed::{Feed, Life, Scope, StateReport, Why};
use crate::model::gap::{GapCause, GapId, GapRecord, Shortfall, ShortfallKind};
use crate::model::roster::{Queue, Station, User};
use crate::model::succession::SuccessionReason;
use crate::model::time::UtcMicros;

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

/// What a callback copied out of the event.
#[derive(Debug, Clone)]
struct Seen {
    flat: gca_event,
    texts: Vec<(&'static str, String)>,
    json: String,
    users: Vec<String>,
}

fn text(text: gca_str) -> String {
    if text.len == 0 {
        return String::new();
    }
    // SAFETY: a text that the library handed over, read during its callback.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(event: *const gca_event) -> String {
    let mut needed = 0;
    // SAFETY: the event in hand, no buffer, a length to write to.
    let asked = unsafe { gca_event_json(event, std::ptr::null_mut(), 0, &raw mut needed) };
    assert_eq!(asked, gca_status::GCA_ERR_BUFFER);
    let mut buffer = vec![b'?'; needed];
    let short = buffer.as_mut_ptr().cast::<c_char>();
    // SAFETY: a buffer and its length, too small by one.
    let asked = unsafe { gca_event_json(event, short, needed - 1, &raw mut needed) };
    assert_eq!(asked, gca_status::GCA_ERR_BUFFER);
    assert!(buffer.iter().all(|byte| *byte == b'?'), "left untouched");
    // SAFETY: a buffer and its length.
    let asked =
        unsafe { gca_event_json(event, buffer.as_mut_ptr().cast(), needed, &raw mut needed) };
    assert_eq!(asked, gca_status::GCA_OK);
    String::from_utf8(buffer).unwrap()
}

unsafe extern "C" fn look(_: *mut c_void, event: *const gca_event) -> u32 {
    // SAFETY: the event in hand.
    let flat = unsafe { *event };
    let elsewhere = flat;
    // SAFETY: a good pointer to an event, but not to the one in hand.
    let asked = unsafe {
        gca_event_json(
            &raw const elsewhere,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        )
    };
    assert_eq!(asked, gca_status::GCA_ERR_STATE);
    macro_rules! texts {
        ($($field:ident)+) => { vec![$((stringify!($field), text(flat.$field)),)+] };
    }
    let texts = texts!(
        feed_id id data_source conversation_id root_contact_id related_conversation_id participant_id
        communication_id peer_id old_connection_id new_connection_id user_id user_name user_email station_id
        station_name station_kind station_extension queue_id queue_name purpose ani dnis provider raw reason
    );
    let users = if flat.state_report.is_null() {
        Vec::new()
    } else {
        // SAFETY: the report of the event in hand, and its list.
        unsafe {
            let report = &*flat.state_report;
            assert_eq!(report.size as usize, size_of::<gca_state>());
            std::slice::from_raw_parts(report.users, report.user_count)
                .iter()
                .map(|user| text(*user))
                .collect()
        }
    };
    let seen = Seen {
        flat,
        texts,
        json: json(event),
        users,
    };
    SEEN.with_borrow_mut(|all| all.push(seen));
    GCA_TAKEN
}

fn host() -> gca_host {
    gca_host {
        size: size_of::<gca_host>() as u32,
        reserved: 0,
        user: std::ptr::null_mut(),
        on_event: Some(look),
        on_state: None,
        on_log: None,
        on_drop: None,
    }
}

fn read(host: *const gca_host) -> Result<CHost, gca_status> {
    // SAFETY: for each caller: NULL, or something that begins with a size and has so many bytes.
    unsafe { CHost::read(host) }.map_err(|refused| refused.status)
}

fn show(event: &Event) -> Seen {
    let host = read(&raw const *Box::leak(Box::new(host()))).unwrap();
    let offer = Offer {
        feed_id: "feed",
        sequence: 7,
        data_source: "source",
        event,
    };
    assert_eq!(host.on_event(&offer), Verdict::Taken);
    SEEN.with_borrow_mut(|all| all.pop().unwrap())
}

fn connection() -> Connection {
    Connection {
        conversation: "conversation".into(),
        root_contact: "root".into(),
        participant: Some("participant".into()),
        communication: Some("communication".into()),
        peer: Some("peer".into()),
        user: Some(Arc::new(User {
            id: "user".into(),
            name: "Jürgen \"J\" O'Neil".into(),
            email: "j@example.org".into(),
        })),
        station: Some(Arc::new(Station {
            id: "station".into(),
            name: "Desk 1".into(),
            kind: "inin_webrtc_softphone".into(),
            extension: "4711".into(),
        })),
        queue: Some(Arc::new(Queue {
            id: "queue".into(),
            name: "Support".into(),
        })),
        direction: Direction::Inbound,
        purpose: "agent".into(),
        ani: "tel:+491".into(),
        dnis: "tel:+492".into(),
        provider: "Edge".into(),
        party: Arc::new(PartyFacts {
            name: "Jürgen".into(),
            address: "sip:j@example.org".into(),
            team: "team".into(),
            group: "group".into(),
            external_contact: "external contact".into(),
            external_organization: "external organization".into(),
            uui: "uui".into(),
        }),
    }
}

fn event(subject: Subject) -> Event {
    Event {
        kind: EventKind::ConnectionCleared,
        id: EventId(0x0123_4567_89ab_cdef_0000_0000_0000_00ff),
        id_exact: true,
        source: Source::Recovered,
        platform_time: Some(UtcMicros(1_000_001)),
        received: UtcMicros(2_000_002),
        subject,
        state: ConnectionState::Null,
        previous: ConnectionState::Hold,
        cause: Cause::Overflow,
        raw: "transfer.notavailable".into(),
        reason: "a reason".into(),
        held: Flag::No,
        muted: Flag::Yes,
        confined: Flag::Unknown,
        secure_pause: Flag::No,
        detail: None,
    }
}

fn report() -> StateReport {
    StateReport {
        life: Life::Running,
        feed: Feed::Degraded,
        why: Why::Limit,
        scope: Scope {
            users: ["u1".into(), "u2".into()].into(),
            topics: ["t1".into()].into(),
        },
        message: "too many".into(),
        at: UtcMicros(3),
    }
}

fn gap() -> GapRecord {
    GapRecord {
        id: GapId(12),
        cause: GapCause::Lost,
        detail: "the connection broke".into(),
        from: UtcMicros(100),
        to: Some(UtcMicros(200)),
        opened: UtcMicros(150),
        closed: Some(UtcMicros(300)),
        users: ["u1".into(), "u2".into()].into(),
        queues: ["q1".into()].into(),
        reads: 7,
        recovered: [(EventKind::Established, 3), (EventKind::Held, 1)].into(),
        shortfalls: vec![Shortfall {
            kind: ShortfallKind::PermissionMissing,
            text: "analytics:conversationDetail:view".into(),
        }],
    }
}

#[test]
fn a_gap_stands_in_its_fields_and_its_json() {
    let closed = show(&event(Subject::Gap(Arc::new(gap()))));
    assert_eq!(
        (
            closed.flat.gap_id,
            closed.flat.gap_from_us,
            closed.flat.gap_to_us
        ),
        (12, 100, 200)
    );
    let json: serde_json::Value = serde_json::from_str(&closed.json).unwrap();
    assert_eq!(
        json["gap"],
        serde_json::json!({"detail":"the connection broke","opened_us":150,"closed_us":300,"users":["u1","u2"],"queues":["q1"],"reads":7,
            "recovered":{"established":3,"held":1},
            "shortfalls":[{"kind":"permission_missing","text":"analytics:conversationDetail:view"}]})
    );
    assert_eq!(
        [&json["gap_id"], &json["gap_from_us"], &json["gap_to_us"]],
        [12, 100, 200]
    );
    let lasts = GapRecord { to: None, ..gap() };
    let lasts = show(&event(Subject::Gap(Arc::new(lasts))));
    assert_eq!(lasts.flat.gap_to_us, GCA_TIME_UNKNOWN);
    let renewed = show(&event(Subject::Renewal(SuccessionReason::Asked)));
    assert_eq!((renewed.flat.gap_id, renewed.flat.gap_to_us), (0, 0));
}

#[test]
fn every_fact_of_a_connection_stands_in_its_field() {
    let seen = show(&event(Subject::Connection(Arc::new(connection()))));
    let expected = [
        ("feed_id", "feed"),
        ("id", "0123456789abcdef00000000000000ff"),
        ("data_source", "source"),
        ("conversation_id", "conversation"),
        ("root_contact_id", "root"),
        ("related_conversation_id", ""),
        ("participant_id", "participant"),
        ("communication_id", "communication"),
        ("peer_id", "peer"),
        ("old_connection_id", ""),
        ("new_connection_id", ""),
        ("user_id", "user"),
        ("user_name", "Jürgen \"J\" O'Neil"),
        ("user_email", "j@example.org"),
        ("station_id", "station"),
        ("station_name", "Desk 1"),
        ("station_kind", "inin_webrtc_softphone"),
        ("station_extension", "4711"),
        ("queue_id", "queue"),
        ("queue_name", "Support"),
        ("purpose", "agent"),
        ("ani", "tel:+491"),
        ("dnis", "tel:+492"),
        ("provider", "Edge"),
        ("raw", "transfer.notavailable"),
        ("reason", "a reason"),
    ];
    for ((field, is), (name, should)) in seen.texts.iter().zip(expected) {
        assert_eq!((*field, is.as_str()), (name, should));
    }
    assert_eq!(seen.texts.len(), expected.len());
    let flat = seen.flat;
    assert_eq!(flat.size as usize, size_of::<gca_event>());
    assert_eq!(flat.kind, gca_event_kind::GCA_EVENT_CONNECTION_CLEARED);
    assert_eq!((flat.sequence, flat.id_exact), (7, 1));
    assert_eq!(
        (flat.held, flat.muted, flat.confined, flat.secure_pause),
        (0, 1, GCA_FLAG_UNKNOWN, 0)
    );
    assert_eq!(
        (flat.platform_time_us, flat.received_time_us),
        (1_000_001, 2_000_002)
    );
    assert_eq!(flat.source, gca_source::GCA_SOURCE_RECOVERED);
    assert_eq!(flat.direction, gca_direction::GCA_DIRECTION_INBOUND);
    assert_eq!(flat.state, gca_connection_state::GCA_STATE_NULL);
    assert_eq!(flat.previous_state, gca_connection_state::GCA_STATE_HOLD);
    assert_eq!(flat.cause, gca_cause::GCA_CAUSE_OVERFLOW);
    assert!(flat.state_report.is_null());
}

#[test]
fn what_is_not_known_is_absent() {
    let mut bare = event(Subject::Agent {
        user: Arc::new(User {
            id: "user".into(),
            name: "".into(),
            email: "".into(),
        }),
        station: None,
    });
    bare.platform_time = None;
    bare.id_exact = false;
    let seen = show(&bare);
    assert_eq!(seen.flat.platform_time_us, GCA_TIME_UNKNOWN);
    assert_eq!(seen.flat.id_exact, 0);
    assert_eq!(seen.flat.user_name.len, 0);
    assert_eq!(seen.flat.conversation_id.len, 0);
    let json: serde_json::Value = serde_json::from_str(&seen.json).unwrap();
    for absent in [
        "platform_time_us",
        "conversation_id",
        "user_name",
        "station",
        "confined",
        "lost_first",
    ] {
        assert!(json.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_lost_run_and_a_state_of_the_feed_are_told_in_full() {
    let seen = show(&event(Subject::Lost(Lost {
        first: 3,
        last: 6,
        from: UtcMicros(30),
        to: UtcMicros(60),
    })));
    let flat = seen.flat;
    assert_eq!(
        (
            flat.lost_first,
            flat.lost_last,
            flat.lost_from_us,
            flat.lost_to_us
        ),
        (3, 6, 30, 60)
    );
    let seen = show(&event(Subject::Feed(Arc::new(report()))));
    assert_eq!(seen.users, ["u1", "u2"]);
    let json: serde_json::Value = serde_json::from_str(&seen.json).unwrap();
    assert_eq!(
        json["state_report"]["users"],
        serde_json::json!(["u1", "u2"])
    );
    assert_eq!(json["state_report"]["why"], "limit");
    with_state(&report(), |state| {
        assert_eq!(state.life, gca_life::GCA_LIFE_RUNNING);
        assert_eq!(state.feed, gca_feed::GCA_FEED_DEGRADED);
        assert_eq!(state.why, gca_why::GCA_WHY_LIMIT);
        assert_eq!((state.topic_count, state.time_us), (1, 3));
        assert_eq!(text(state.message), "too many");
    });
}

/// Every detail, with nothing left out.
fn details() -> Vec<Detail> {
    let party = |participant: &str, communication: Option<&str>| ConnectionRef {
        participant: participant.into(),
        communication: communication.map(Into::into),
        user: Some(Arc::new(User {
            id: "other".into(),
            name: "Ann".into(),
            email: "ann@example.org".into(),
        })),
    };
    let campaign = Campaign {
        campaign: "campaign".into(),
        contact: "contact".into(),
        contact_list: "list".into(),
    };
    vec![
        Detail::Related {
            conversation: Some("second".into()),
            old: Some(party("p-old", Some("c-old"))),
            new: Some(party("p-new", Some("c-new"))),
        },
        Detail::Conference {
            parties: [party("p1", Some("c1")), party("p2", None)].into(),
        },
        Detail::Routing {
            priority: Some(-5),
            skills: ["German".into(), "Loans".into()].into(),
            language: "Deutsch".into(),
        },
        Detail::Attribute {
            key: "customer.number".into(),
            value: "4711".into(),
            previous: Some("".into()),
            first: "47".into(),
        },
        Detail::Attributes(
            ["z", "a.b", "a"]
                .map(|key| AttributeValues {
                    key: key.into(),
                    first: format!("{key} first").into(),
                    last: "".into(),
                })
                .into(),
        ),
        Detail::WrapUp {
            code: "code".into(),
            notes: "said \"no\"".into(),
            tags: ["t1".into()].into(),
            duration_s: Some(12),
        },
        Detail::Callback {
            id: "callback".into(),
            numbers: ["tel:+493".into(), "tel:+494".into()].into(),
            user_name: "Ms. Kim".into(),
            scheduled: Some(UtcMicros(55)),
            preview: Some(campaign.clone()),
        },
        Detail::Dialer {
            campaign: Some(campaign),
            disposition: "disposition.classification.callable.person".into(),
            analyzer: "edge".into(),
        },
    ]
}

fn detailed(detail: Detail) -> Event {
    let mut event = event(Subject::Connection(Arc::new(connection())));
    event.detail = Some(Arc::new(detail));
    event
}

/// All paths of a document; the keys of attributes are those of the region's people, so they go as one.
fn paths_of(at: &str, value: &serde_json::Value, paths: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(object) => {
            for (key, value) in object {
                let path = match at {
                    "" => key.clone(),
                    "attributes" => "attributes.KEY".to_owned(),
                    "gap.recovered" => "gap.recovered.KIND".to_owned(),
                    _ => format!("{at}.{key}"),
                };
                paths_of(&path, value, paths);
            }
        }
        None => match value.as_array() {
            Some(list) if list.iter().any(serde_json::Value::is_object) => {
                for value in list {
                    paths_of(&format!("{at}[]"), value, paths);
                }
            }
            _ => {
                paths.insert(at.to_owned());
            }
        },
    }
}

#[test]
fn the_json_says_what_the_struct_says_and_has_the_paths_of_the_catalogue() {
    let mut events = vec![
        event(Subject::Connection(Arc::new(connection()))),
        event(Subject::Feed(Arc::new(report()))),
        event(Subject::Gap(Arc::new(gap()))),
        event(Subject::Lost(Lost {
            first: 1,
            last: 1,
            from: UtcMicros(1),
            to: UtcMicros(1),
        })),
    ];
    events[0].confined = Flag::Yes;
    events.extend(details().into_iter().map(detailed));
    let mut paths = BTreeSet::new();
    for event in events {
        let seen = show(&event);
        let json: serde_json::Value = serde_json::from_str(&seen.json).unwrap();
        for (field, value) in &seen.texts {
            let told = json
                .get(field)
                .and_then(|value| value.as_str())
                .unwrap_or_default();
            assert_eq!(told, value, "{field}");
        }
        assert_eq!(json["sequence"], 7);
        assert_eq!(json["kind"], "connection_cleared");
        assert_eq!(json["held"], false);
        paths_of("", &json, &mut paths);
    }
    let catalogue: BTreeSet<String> = super::event_json::paths()
        .into_iter()
        .map(|path| path.path)
        .collect();
    assert_eq!(paths, catalogue, "each is in one of these documents");
}

#[test]
fn what_always_stands_in_the_json_does_so_where_nothing_else_is_known() {
    let mut bare = event(Subject::Agent {
        user: Arc::new(User {
            id: "".into(),
            name: "".into(),
            email: "".into(),
        }),
        station: None,
    });
    bare.platform_time = None;
    (bare.raw, bare.reason) = Default::default();
    (bare.held, bare.muted, bare.secure_pause) = Default::default();
    let json: serde_json::Value = serde_json::from_str(&show(&bare).json).unwrap();
    let always: BTreeSet<String> = super::event_json::paths()
        .into_iter()
        .filter(|path| path.always && !path.path.contains('.'))
        .map(|path| path.path)
        .collect();
    let mut paths = BTreeSet::new();
    paths_of("", &json, &mut paths);
    paths.remove("user");
    assert_eq!(paths, always);
}

#[test]
fn what_takes_part_beside_the_connection_is_told_in_struct_and_json() {
    let seen = show(&detailed(details().swap_remove(0)));
    for (field, should) in [
        ("related_conversation_id", "second"),
        ("old_connection_id", "c-old"),
        ("new_connection_id", "c-new"),
    ] {
        let (_, is) = seen.texts.iter().find(|(name, _)| *name == field).unwrap();
        assert_eq!(is, should, "{field}");
    }
    let json: serde_json::Value = serde_json::from_str(&seen.json).unwrap();
    assert_eq!(
        json["old_connection"],
        serde_json::json!({
            "participant_id": "p-old", "communication_id": "c-old", "user_id": "other", "user_name": "Ann"
        })
    );
    assert_eq!(json["new_connection"]["participant_id"], "p-new");

    // Where no form told the leg's id, the participant's stands for it; nothing else is made up.
    let seen = show(&detailed(Detail::Related {
        conversation: None,
        old: Some(ConnectionRef {
            participant: "p-old".into(),
            communication: None,
            user: None,
        }),
        new: None,
    }));
    assert_eq!(text_in(&seen, "old_connection_id"), "p-old");
    assert_eq!(text_in(&seen, "new_connection_id"), "");
    assert_eq!(text_in(&seen, "related_conversation_id"), "");
    let json: serde_json::Value = serde_json::from_str(&seen.json).unwrap();
    assert_eq!(
        json["old_connection"],
        serde_json::json!({ "participant_id": "p-old" })
    );
    assert!(json.get("new_connection").is_none());
}

fn text_in<'a>(seen: &'a Seen, field: &str) -> &'a str {
    let found = seen.texts.iter().find(|(name, _)| *name == field);
    &found.unwrap().1
}

#[test]
fn every_detail_stands_under_its_own_object() {
    let objects = [
        (
            "parties",
            serde_json::json!([
                { "participant_id": "p1", "communication_id": "c1", "user_id": "other", "user_name": "Ann" },
                { "participant_id": "p2", "user_id": "other", "user_name": "Ann" },
            ]),
        ),
        (
            "routing",
            serde_json::json!({ "priority": -5, "skills": ["German", "Loans"], "language": "Deutsch" }),
        ),
        (
            "attribute",
            serde_json::json!({ "key": "customer.number", "value": "4711", "previous": "", "first": "47" }),
        ),
        (
            "attributes",
            serde_json::json!({
                "z": { "first": "z first", "last": "" },
                "a.b": { "first": "a.b first", "last": "" },
                "a": { "first": "a first", "last": "" },
            }),
        ),
        (
            "wrap_up",
            serde_json::json!({ "code": "code", "notes": "said \"no\"", "tags": ["t1"], "duration_s": 12 }),
        ),
        (
            "callback",
            serde_json::json!({
                "id": "callback", "numbers": ["tel:+493", "tel:+494"], "user_name": "Ms. Kim",
                "scheduled_time_us": 55, "campaign_id": "campaign", "contact_id": "contact",
                "contact_list_id": "list",
            }),
        ),
        (
            "dialer",
            serde_json::json!({
                "campaign_id": "campaign", "contact_id": "contact", "contact_list_id": "list",
                "disposition": "disposition.classification.callable.person", "analyzer": "edge",
            }),
        ),
    ];
    for (detail, (object, should)) in details().into_iter().skip(1).zip(&objects) {
        let seen = show(&detailed(detail));
        let json: serde_json::Value = serde_json::from_str(&seen.json).unwrap();
        assert_eq!(json[object], *should);
        for (other, _) in objects.iter().filter(|(other, _)| other != object) {
            assert!(json.get(other).is_none(), "{other} beside {object}");
        }
        assert_eq!(text_in(&seen, "old_connection_id"), "");
    }
    // In the order in which they first appeared, which is not that of the keys.
    let json = show(&detailed(details().swap_remove(4))).json;
    let at = |key: &str| json.find(&format!("\"{key}\":{{\"first\"")).unwrap();
    assert!(at("z") < at("a.b") && at("a.b") < at("a"));
}

#[test]
fn an_attribute_that_had_no_value_before_says_so_by_leaving_it_out() {
    let seen = show(&detailed(Detail::Attribute {
        key: "k".into(),
        value: "".into(),
        previous: None,
        first: "".into(),
    }));
    let json: serde_json::Value = serde_json::from_str(&seen.json).unwrap();
    assert_eq!(
        json["attribute"],
        serde_json::json!({ "key": "k", "value": "", "first": "" })
    );
}

#[test]
fn the_json_is_only_told_while_the_event_is_delivered() {
    let seen = show(&event(Subject::Connection(Arc::new(connection()))));
    let ask = |event: *const gca_event| {
        // SAFETY: no buffer and no length; the event is only compared.
        unsafe { gca_event_json(event, std::ptr::null_mut(), 0, std::ptr::null_mut()) }
    };
    assert_eq!(ask(&raw const seen.flat), gca_status::GCA_ERR_STATE);
    assert_eq!(ask(std::ptr::null()), gca_status::GCA_ERR_ARGUMENT);
    assert_eq!(
        ask(std::ptr::without_provenance(8)),
        gca_status::GCA_ERR_STATE
    );
}

#[test]
fn the_words_of_the_model_have_the_numbers_of_the_c_abi() {
    let mut numbers = HashSet::new();
    for kind in EventKind::ALL {
        let mut one = event(Subject::Connection(Arc::new(connection())));
        one.kind = *kind;
        let seen = show(&one);
        assert_eq!(seen.flat.kind as u32, *kind as u32);
        let name = format!("GCA_EVENT_{}", kind.name().to_uppercase());
        assert_eq!(format!("{:?}", seen.flat.kind), name);
        assert!(numbers.insert(*kind as u32));
    }
    for cause in Cause::ALL {
        let mut one = event(Subject::Connection(Arc::new(connection())));
        one.cause = *cause;
        let name = format!("GCA_CAUSE_{}", cause.name().to_uppercase());
        assert_eq!(format!("{:?}", show(&one).flat.cause), name);
    }
    for state in ConnectionState::ALL {
        let mut one = event(Subject::Connection(Arc::new(connection())));
        one.state = *state;
        let name = format!("GCA_STATE_{}", state.name().to_uppercase());
        assert_eq!(format!("{:?}", show(&one).flat.state), name);
    }
    for source in Source::ALL {
        let mut one = event(Subject::Connection(Arc::new(connection())));
        one.source = *source;
        let name = format!("GCA_SOURCE_{}", source.name().to_uppercase());
        assert_eq!(format!("{:?}", show(&one).flat.source), name);
    }
    for why in Why::ALL {
        let mut one = report();
        one.why = *why;
        let name = format!("GCA_WHY_{}", why.name().to_uppercase());
        with_state(&one, |state| assert_eq!(format!("{:?}", state.why), name));
    }
    for life in Life::ALL {
        let mut one = report();
        one.life = *life;
        let name = format!("GCA_LIFE_{}", life.name().to_uppercase());
        with_state(&one, |state| assert_eq!(format!("{:?}", state.life), name));
    }
    for feed in Feed::ALL {
        let mut one = report();
        one.feed = *feed;
        let name = format!("GCA_FEED_{}", feed.name().to_uppercase());
        with_state(&one, |state| assert_eq!(format!("{:?}", state.feed), name));
    }
}

#[test]
fn a_host_of_a_wrong_size_is_refused_and_one_of_another_version_is_understood() {
    assert_eq!(
        read(std::ptr::null()).err(),
        Some(gca_status::GCA_ERR_ARGUMENT)
    );
    let known = size_of::<gca_host>();
    let least = offset_of!(gca_host, on_event) + size_of::<usize>();
    let with = |size: u32, change: fn(&mut [u8])| {
        // As large as any size that is tried, aligned, and begun by a good gca_host.
        let mut space = vec![0_u64; 600];
        let mut good = host();
        good.size = size;
        // SAFETY: the space is larger than a gca_host and aligned for it.
        unsafe { space.as_mut_ptr().cast::<gca_host>().write(good) };
        // SAFETY: any bytes are words.
        let bytes =
            unsafe { std::slice::from_raw_parts_mut(space.as_mut_ptr().cast::<u8>(), 600 * 8) };
        change(bytes);
        read(space.as_ptr().cast()).map(|_| ()).err()
    };
    let refused = Some(gca_status::GCA_ERR_ARGUMENT);
    assert_eq!(with(known as u32, |_| {}), None);
    assert_eq!(with(least as u32, |_| {}), None);
    assert_eq!(
        with(known as u32 + 64, |_| {}),
        None,
        "a newer host that asks for nothing new"
    );
    for wrong in [
        0,
        1,
        4,
        8,
        least as u32 - 8,
        least as u32 + 1,
        known as u32 + 1,
        4_104,
        u32::MAX,
    ] {
        assert_eq!(with(wrong, |_| {}), refused, "{wrong}");
    }
    let newer = |bytes: &mut [u8]| bytes[size_of::<gca_host>() + 63] = 1;
    assert_eq!(
        with(known as u32 + 64, newer),
        refused,
        "something new is asked for"
    );
    assert_eq!(
        with(known as u32 + 56, newer),
        None,
        "it lies behind the end"
    );
    assert_eq!(
        with(known as u32, |bytes| bytes[4] = 1),
        refused,
        "reserved"
    );
    let deaf = |bytes: &mut [u8]| {
        let at = offset_of!(gca_host, on_event);
        bytes[at..at + size_of::<usize>()].fill(0);
    };
    assert_eq!(with(known as u32, deaf), refused, "on_event is required");
}

#[test]
fn a_shorter_host_has_none_of_the_callbacks_behind_its_end() {
    unsafe extern "C" fn never(_: *mut c_void, _: *const gca_state) {
        panic!("called from behind the end of the host");
    }
    let mut short = host();
    short.on_state = Some(never);
    short.size = (offset_of!(gca_host, on_event) + size_of::<usize>()) as u32;
    let host = read(&raw const short).unwrap();
    host.on_state(&report());
}

#[test]
fn versions_and_names_are_texts_that_stay() {
    let c = |text: *const c_char| {
        // SAFETY: a static text of the library, terminated by a NUL.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap()
    };
    assert_eq!(gca_abi_version(), GCA_ABI_VERSION);
    assert_eq!(c(gca_version()), env!("CARGO_PKG_VERSION"));
    assert_eq!(c(gca_status_name(0)), "GCA_OK");
    assert_eq!(
        c(gca_status_name(gca_status::GCA_ERR_DISABLED as i32)),
        "GCA_ERR_DISABLED"
    );
    for unknown in [-1, 11, i32::MIN, i32::MAX] {
        assert_eq!(c(gca_status_name(unknown)), "GCA_ERR_UNKNOWN");
    }
    let api = gca_get_api(GCA_ABI_VERSION);
    // SAFETY: the library's static table.
    assert_eq!(unsafe { (*api).size } as usize, size_of::<gca_api>());
    for other in [0, GCA_ABI_VERSION + 1, u32::MAX] {
        assert!(gca_get_api(other).is_null());
    }
}

#[test]
fn a_panic_becomes_a_status_and_a_text() {
    crate::adapter::panics::install();
    let status = super::boundary::call("gca_test", 99, || panic!("provoked"));
    assert_eq!(status, gca_status::GCA_ERR_PANIC);
    let text = super::error::last(99);
    assert!(
        text.starts_with("gca_test: ") && text.contains("provoked"),
        "{text}"
    );
}
