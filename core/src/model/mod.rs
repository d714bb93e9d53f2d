//! The nouns of a lane, parsed and not validated: a value that exists is a
//! value that makes sense. Shapes are those of the published formats; unknown
//! fields are refused, absent facts are unknown.

mod case;
mod case_faults;
mod container;
mod control;
mod datum;
mod declaration;
mod enterprise;
mod fault;
mod feed;
mod finding;
mod handed_in;
mod id;
mod order;
mod plate;
mod reading;
mod reason;
mod seal;
mod values;
mod verdict;
mod weight;

pub use case::{
    Balance, Case, CasePlate, CaseSeal, CaseWeight, ContainerRead, ConvoySeen, DeviceState, Draw,
    Facts, JournalState, LastTaken, Link, Reservation, Sampling, SamplingTrack, StoreState,
    TagRead,
};
pub use container::{ContainerError, ContainerNo};
pub use control::{Act, Control, Subject, SubjectKind};
pub use datum::Datum;
pub use declaration::{
    Binding, Container, ConvoyRef, Declaration, Direction, Driver, Form, Load, Status, Trailer,
    Vehicle,
};
pub use enterprise::{Enterprise, EnterpriseState};
pub use fault::{Fault, parse_json, parse_value};
pub use feed::{BUCKETS, Buckets, ItemDigest, Part, PolicyText, Position};
pub use finding::{Finding, FindingResult, Then};
pub use handed_in::{HandedIn, id_of, parse_handed_in};
pub use id::{
    ControlId, ControllerId, DeclarationId, DeviceId, EnterpriseId, FindingId, IdError, LaneId,
    OfficerId, OrderId, PassageId, PortCode,
};
pub use order::{
    LaneOrder, LaneOrderKind, ORDER_LEN_MAX, Order, OrderKind, REASON_LEN_MAX, Supply,
};
pub use plate::{Plate, PlateError, PlateKind, normalise};
pub use reading::{
    BoxesReading, Content, Inputs, PlateRead, PlatesReading, Reading, SealReading, Taken,
    WeightReading,
};
pub use reason::{Code, Lines, Reason, Severity};
pub use seal::{SealAlarm, SealId, SealState};
pub use values::Values;
pub use verdict::{
    CheckOutcome, CheckTrace, MatchKind, Matched, Outcome, PolicyRef, Spend, Stop, StopKind,
    Verdict, VerdictKind,
};
pub use weight::{Kg, WeightUnit};
