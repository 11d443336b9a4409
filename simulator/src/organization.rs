//! Who and what there is in the region: made once from the seed, and changed only when somebody comes, leaves or gets
//! another name (`world/roster.rs` decides when). Whoever leaves keeps their index. What users do, and how they are, is
//! the [`world`](crate::world)'s.

use std::collections::HashMap;

use crate::chance::{Chance, Id};

/// An organization and all that belongs to it.
#[derive(Debug)]
pub struct Organization {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: &'static str,
    /// The first part of the addresses of its users (`…@<domain>.example`) and trunks.
    pub domain: &'static str,
    /// The part of the organization that objects belong to; the first is `Home`.
    pub divisions: Vec<Named>,
    /// Everybody who works here.
    pub users: Vec<User>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// First the usual station of every user of the beginning, in their order; then the second ones of those who have one;
    /// then those of users who came later.
    pub stations: Vec<Station>,
    /// The flows (IVR) that answer calls.
    pub flows: Vec<Flow>,
    /// The wrap-up codes, by the names that scripts use.
    pub wrapup_codes: Vec<Named>,
    /// The routing skills.
    pub skills: Vec<Named>,
    /// The routing languages.
    pub languages: Vec<Named>,
    /// The organization's definition for each of [`PRESENCES`], in that order.
    pub presence_definitions: Vec<Id>,
    /// The place of its edges.
    pub site: Id,
    /// The script (agent's screen) that calls come with.
    pub screen_script: Id,
    /// The label by which utilization is counted.
    pub utilization_label: Id,
    user_by_id: HashMap<Id, usize>,
    queue_by_id: HashMap<Id, usize>,
}

/// Something that has only a name.
#[derive(Debug)]
pub struct Named {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: &'static str,
}

/// A user.
#[derive(Debug)]
pub struct User {
    /// Their id.
    pub id: Id,
    /// First and last name.
    pub name: String,
    /// Address for mail and logging on.
    pub email: String,
    /// Part of their addresses on the wire: 24 hexadecimal digits.
    pub jid: String,
    /// Number within the organization.
    pub extension: String,
    /// Index of their division.
    pub division: usize,
    /// What they do.
    pub title: &'static str,
    /// Where.
    pub department: &'static str,
    /// Indices of the queues that they serve.
    pub queues: Vec<usize>,
    /// Indices of the stations that they work at, the usual one first.
    pub stations: Vec<usize>,
    /// No longer of the organization: in no list, and in no call.
    pub gone: bool,
}

/// A queue.
#[derive(Debug)]
pub struct Queue {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Index of its division.
    pub division: usize,
    /// The number to dial for it, E.164.
    pub number: String,
    /// Index of the skill that it asks for.
    pub skill: usize,
    /// Indices of the users who serve it.
    pub members: Vec<usize>,
    /// It was deleted: in no list, and no call comes to it.
    pub gone: bool,
}

/// A telephone.
#[derive(Debug)]
pub struct Station {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: StationKind,
    /// The line on it.
    pub line_appearance: Id,
    /// Index of the user who works at it.
    pub user: usize,
    /// Whether it keeps a connection open between calls.
    pub persistent: bool,
}

/// What a station is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StationKind {
    /// A SIP telephone on a desk.
    Phone,
    /// The softphone in the agent's browser.
    Softphone,
    /// Any telephone in the world; the platform calls its number.
    Remote,
}

impl StationKind {
    /// The platform's word, which is the name of the phone's base settings. The two of `inin` stand in the platform's
    /// WebRTC SDK (`IStation.type`), the third in the base settings of its Terraform provider's tests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Phone => "generic_sip",
            Self::Softphone => "inin_webrtc_softphone",
            Self::Remote => "inin_remote",
        }
    }

    /// What a user has beside one of this kind: something that works elsewhere.
    const fn second(self) -> Self {
        match self {
            Self::Phone => Self::Remote,
            Self::Softphone => Self::Phone,
            Self::Remote => Self::Softphone,
        }
    }
}

/// A flow that answers calls.
#[derive(Debug)]
pub struct Flow {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: &'static str,
    /// Index of its division.
    pub division: usize,
}

/// The system presences: as notifications spell them, and as REST does.
pub const PRESENCES: &[(&str, &str)] = &[
    ("AVAILABLE", "Available"),
    ("AWAY", "Away"),
    ("BREAK", "Break"),
    ("BUSY", "Busy"),
    ("MEAL", "Meal"),
    ("MEETING", "Meeting"),
    ("OFFLINE", "Offline"),
    ("ON_QUEUE", "On Queue"),
    ("TRAINING", "Training"),
];

const FIRST_NAMES: &[&str] = &[
    "Amara", "Anton", "Beatriz", "Birgit", "Carlos", "Chiara", "Daniel", "Deepa", "Elena", "Emil",
    "Fatima", "Felix", "Giulia", "Hannah", "Henrik", "Ines", "Ivan", "Jana", "João", "Kemal",
    "Klara", "Lars", "Leila", "Lucía", "Malik", "Marek", "Mei", "Nadia", "Noah", "Olga", "Omar",
    "Paula", "Pierre", "Priya", "Rafael", "Renée", "Sanna", "Simon", "Søren", "Tamar", "Tomás",
    "Ursula", "Viktor", "Wanda", "Yusuf", "Zoë",
];

const LAST_NAMES: &[&str] = &[
    "Abebe",
    "Almeida",
    "Andersen",
    "Bauer",
    "Bianchi",
    "Brandt",
    "Castro",
    "Costa",
    "Dubois",
    "Eriksson",
    "Farkas",
    "Fischer",
    "García",
    "Greco",
    "Haddad",
    "Hansen",
    "Iyer",
    "Jansen",
    "Kaya",
    "Keller",
    "Kowalska",
    "Laine",
    "Lind",
    "Lopez",
    "Marino",
    "Meyer",
    "Moreau",
    "Müller",
    "Nakamura",
    "Novák",
    "O'Brien",
    "Okafor",
    "Olsen",
    "Petrov",
    "Quispe",
    "Rossi",
    "Santos",
    "Schäfer",
    "Silva",
    "Sørensen",
    "Tanaka",
    "Thomsen",
    "Usman",
    "Vega",
    "Weber",
    "Yılmaz",
    "Zając",
];

const DIVISIONS: &[&str] = &["Home", "Retail", "Business", "Back Office"];

const QUEUES: &[&str] = &[
    "Sales",
    "Support",
    "Billing",
    "Retention",
    "Claims",
    "Returns",
    "Technical Desk",
    "Orders",
    "New Customers",
    "Complaints",
    "Reception",
    "Card Services",
];

const DEPARTMENTS: &[&str] = &["Customer Care", "Sales", "Claims", "Technical Service"];

const TITLES: &[&str] = &["Agent", "Senior Agent", "Team Lead"];

const WRAPUP_CODES: &[&str] = &[
    "Solved",
    "Passed on",
    "Reached",
    "Information given",
    "Follow-up needed",
];

const SKILLS: &[&str] = &["Contracts", "Invoices", "Devices", "Fraud"];

const FLOWS: &[&str] = &["Main Menu", "Business Line", "Card Services Menu"];

impl Organization {
    /// The organization of this seed.
    #[must_use]
    pub fn new(seed: u64, users: usize, queues: usize) -> Self {
        let chance = &mut Chance::new(seed, "organization");
        let named = |chance: &mut Chance, names: &[&'static str]| {
            names
                .iter()
                .map(|name| Named {
                    id: chance.id(),
                    name,
                })
                .collect::<Vec<_>>()
        };
        let mut organization = Self {
            id: chance.id(),
            name: "Northwind Assistance",
            domain: "northwind",
            divisions: named(chance, DIVISIONS),
            users: Vec::with_capacity(users),
            queues: Vec::with_capacity(queues),
            stations: Vec::with_capacity(users),
            flows: Vec::new(),
            wrapup_codes: named(chance, WRAPUP_CODES),
            skills: named(chance, SKILLS),
            languages: named(chance, &["English - Spoken", "German - Spoken"]),
            presence_definitions: PRESENCES.iter().map(|_| chance.id()).collect(),
            site: chance.id(),
            screen_script: chance.id(),
            utilization_label: chance.id(),
            user_by_id: HashMap::new(),
            queue_by_id: HashMap::new(),
        };
        for (at, name) in FLOWS.iter().enumerate() {
            organization.flows.push(Flow {
                id: chance.id(),
                name,
                division: at % DIVISIONS.len(),
            });
        }
        for at in 0..queues {
            organization.add_queue(at, chance);
        }
        for at in 0..users {
            organization.add_user(at, chance);
        }
        let chance = &mut Chance::new(seed, "second stations");
        // Two in five work at another station now and then.
        for user in (0..users).filter(|user| user % 5 < 2) {
            let usual = organization.stations.get(user).map(|usual| usual.kind);
            if let Some(kind) = usual {
                let ids = (chance.id(), chance.id());
                organization.add_station(user, kind.second(), ids);
            }
        }
        organization
    }

    fn add_station(&mut self, user: usize, kind: StationKind, (id, line_appearance): (Id, Id)) {
        let at = self.stations.len();
        let Some(facts) = self.users.get_mut(user) else {
            return;
        };
        facts.stations.push(at);
        self.stations.push(Station {
            id,
            name: match kind {
                StationKind::Phone => format!("Desk {}", facts.extension),
                StationKind::Softphone => format!("{} WebRTC", facts.name),
                StationKind::Remote => format!("{} Remote", facts.name),
            },
            kind,
            line_appearance,
            user,
            // A telephone on a desk needs none. Of the others, those of every other user do it.
            persistent: kind != StationKind::Phone && user.is_multiple_of(2),
        });
    }

    fn add_queue(&mut self, at: usize, chance: &mut Chance) {
        let round = at / QUEUES.len();
        let base = QUEUES.get(at % QUEUES.len()).copied().unwrap_or("Queue");
        let id = chance.id();
        self.queue_by_id.insert(id, at);
        self.queues.push(Queue {
            id,
            name: if round == 0 {
                base.to_owned()
            } else {
                format!("{base} {}", round + 1)
            },
            division: chance.below(self.divisions.len()),
            // +1 202 555 0100 to 0199: kept free for fiction.
            number: format!("+120255501{:02}", at % 100),
            skill: chance.below(self.skills.len()),
            members: Vec::new(),
            gone: false,
        });
    }

    fn add_user(&mut self, at: usize, chance: &mut Chance) {
        // A stride that shares no factor with the number of pairs visits every name once before it repeats one.
        let pairs = FIRST_NAMES.len() * LAST_NAMES.len();
        let pair = (at * 1_009 + 17) % pairs;
        let first = FIRST_NAMES
            .get(pair % FIRST_NAMES.len())
            .copied()
            .unwrap_or("Alex");
        let last = LAST_NAMES
            .get(pair / FIRST_NAMES.len())
            .copied()
            .unwrap_or("Doe");
        let again = at / pairs;
        let name = if again == 0 {
            format!("{first} {last}")
        } else {
            format!("{first} {last} {}", again + 1)
        };
        let (id, station, line_appearance) = (chance.id(), chance.id(), chance.id());
        let extension = (1_000 + at).to_string();
        // Everybody serves one queue in turn, so that none is empty, and some serve one or two more.
        let mut queues = Vec::new();
        if !self.queues.is_empty() {
            queues.push(at % self.queues.len());
            for _ in 0..chance.below(3) {
                let more = chance.below(self.queues.len());
                if !queues.contains(&more) {
                    queues.push(more);
                }
            }
            queues.retain(|queue| self.queues.get(*queue).is_some_and(|queue| !queue.gone));
        }
        for queue in &queues {
            if let Some(queue) = self.queues.get_mut(*queue) {
                queue.members.push(at);
            }
        }
        let kind = match (chance.share(0.7), at.is_multiple_of(2)) {
            (true, _) => StationKind::Softphone,
            (false, true) => StationKind::Remote,
            (false, false) => StationKind::Phone,
        };
        self.user_by_id.insert(id, at);
        self.users.push(User {
            id,
            email: format!("{}.{extension}@{}.example", plain(first), self.domain),
            name,
            jid: format!("{:016x}{:08x}", chance.draw(), chance.draw() as u32),
            extension,
            division: chance.below(self.divisions.len()),
            title: TITLES.get(chance.below(20) / 9).copied().unwrap_or("Agent"),
            department: chance.pick(DEPARTMENTS).copied().unwrap_or("Customer Care"),
            queues,
            stations: Vec::new(),
            gone: false,
        });
        self.add_station(at, kind, (station, line_appearance));
    }

    /// Somebody comes, with a station of theirs, to serve the queues like all others. Returns their index.
    pub(crate) fn hire(&mut self, chance: &mut Chance) -> usize {
        let at = self.users.len();
        self.add_user(at, chance);
        at
    }

    /// A user leaves; the queues know them no more.
    pub(crate) fn dismiss(&mut self, at: usize) {
        if let Some(user) = self.users.get_mut(at) {
            user.gone = true;
            user.queues.clear();
        }
        for queue in &mut self.queues {
            queue.members.retain(|member| *member != at);
        }
    }

    /// A user gets another last name. Their address for mail stays, as it mostly does.
    pub(crate) fn rename_user(&mut self, at: usize, chance: &mut Chance) {
        let last = chance.pick(LAST_NAMES).copied().unwrap_or("Doe");
        if let Some(user) = self.users.get_mut(at) {
            let first = user.name.split(' ').next().unwrap_or_default();
            user.name = format!("{first} {last}-{at}");
        }
    }

    /// A queue is made, which some users serve from now on. Returns its index.
    pub(crate) fn open_queue(&mut self, chance: &mut Chance) -> usize {
        let at = self.queues.len();
        self.add_queue(at, chance);
        for (number, user) in self.users.iter_mut().enumerate() {
            if !user.gone
                && chance.share(0.4)
                && let Some(queue) = self.queues.get_mut(at)
            {
                user.queues.push(at);
                queue.members.push(number);
            }
        }
        at
    }

    /// A queue is deleted; whoever served it serves the others.
    pub(crate) fn close_queue(&mut self, at: usize) {
        if let Some(queue) = self.queues.get_mut(at) {
            queue.gone = true;
            queue.members.clear();
        }
        for user in &mut self.users {
            user.queues.retain(|queue| *queue != at);
        }
    }

    /// A queue gets another name.
    pub(crate) fn rename_queue(&mut self, at: usize, chance: &mut Chance) {
        let base = chance.pick(QUEUES).copied().unwrap_or("Queue");
        if let Some(queue) = self.queues.get_mut(at) {
            queue.name = format!("{base} {}", chance.between(100, 999).0);
        }
    }

    /// The index of a user.
    #[must_use]
    pub fn user(&self, id: Id) -> Option<usize> {
        self.user_by_id.get(&id).copied()
    }

    /// The index of a queue.
    #[must_use]
    pub fn queue(&self, id: Id) -> Option<usize> {
        self.queue_by_id.get(&id).copied()
    }
}

/// Letters that every mail system takes.
fn plain(name: &str) -> String {
    let fold = |letter: char| match letter {
        'á' | 'ã' => 'a',
        'é' | 'ë' => 'e',
        'í' | 'ı' => 'i',
        'ó' | 'ø' => 'o',
        other => other,
    };
    name.to_lowercase()
        .chars()
        .map(fold)
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn everybody_has_a_name_an_address_and_a_queue() {
        let organization = Organization::new(7, 5_000, 12);
        let names: HashSet<_> = organization.users.iter().map(|user| &user.name).collect();
        let emails: HashSet<_> = organization.users.iter().map(|user| &user.email).collect();
        assert_eq!((names.len(), emails.len()), (5_000, 5_000));
        assert!(
            organization
                .users
                .iter()
                .all(|user| !user.queues.is_empty() && user.jid.len() == 24)
        );
        assert!(
            organization
                .queues
                .iter()
                .all(|queue| !queue.members.is_empty())
        );
        for (at, user) in organization.users.iter().enumerate() {
            assert_eq!(organization.user(user.id), Some(at));
            assert!(user.email.is_ascii());
        }
    }

    #[test]
    fn everybody_works_at_stations_of_their_own() {
        let organization = Organization::new(7, 50, 4);
        for (at, user) in organization.users.iter().enumerate() {
            assert_eq!(user.stations.first(), Some(&at), "the usual one is first");
            let kinds: HashSet<_> = user
                .stations
                .iter()
                .map(|station| organization.stations[*station].kind.word())
                .collect();
            assert_eq!(kinds.len(), user.stations.len(), "one of a kind");
            for station in &user.stations {
                assert_eq!(organization.stations[*station].user, at);
            }
        }
        assert_eq!(organization.stations.len(), 70, "two in five have a second");
        for kind in [
            StationKind::Phone,
            StationKind::Softphone,
            StationKind::Remote,
        ] {
            let mut of_kind = organization
                .stations
                .iter()
                .filter(|station| station.kind == kind);
            assert!(of_kind.next().is_some(), "no {kind:?}");
        }
        let names: HashSet<_> = organization.stations.iter().map(|one| &one.name).collect();
        assert_eq!(names.len(), 70);
    }

    #[test]
    fn an_organization_may_be_empty() {
        let organization = Organization::new(7, 0, 0);
        assert!(organization.users.is_empty() && organization.queues.is_empty());
        assert!(
            Organization::new(7, 3, 0)
                .users
                .iter()
                .all(|user| user.queues.is_empty())
        );
    }
}
