//! `disconnectType` to the CSTA event cause. The platform spells the do-not-disturb values differently on topics and
//! in REST answers (`endpoint.dnd`, `endpoint.donotdisturb`); both are known here.

use crate::model::event::Cause;

/// The cause that a `disconnectType` stands for. A word that is new to us is [`Cause::Unknown`], none at all
/// [`Cause::None`]; the word itself goes into the event beside it.
pub(crate) fn of(disconnect_type: &str) -> Cause {
    match disconnect_type {
        "" => Cause::None,
        word => known(word).unwrap_or(Cause::Unknown),
    }
}

/// The cause that a word stands for; `None` for a word that is new to us. Of some that are known no cause of CSTA tells
/// anything.
pub(crate) fn known(disconnect_type: &str) -> Option<Cause> {
    Some(match disconnect_type {
        "client" | "endpoint" | "peer" => Cause::NormalClearing,
        "transfer" => Cause::SingleStepTransfer,
        "transfer.consult" => Cause::Transfer,
        "transfer.conference" => Cause::Conference,
        "transfer.forward" => Cause::CallForward,
        "transfer.noanswer" => Cause::CallForwardNoAnswer,
        "transfer.notavailable" => Cause::Overflow,
        "endpoint.dnd" | "endpoint.donotdisturb" | "transfer.dnd" | "transfer.donotdisturb" => {
            Cause::DoNotDisturb
        }
        "timeout" => Cause::NoAnswer,
        "error" | "transport.failure" => Cause::NetworkSignalLost,
        "system" => Cause::SystemCleared,
        "spam" | "uncallable" => Cause::Blocked,
        "other" | "inactivity" | "session.expired" | "takeover" => Cause::Unknown,
        _ => return None,
    })
}
