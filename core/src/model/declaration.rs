//! A declaration: customs' pre-release statement that a truck is expected
//! (FORMATS 2).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fault::Fault;
use super::{ContainerNo, ControllerId, DeclarationId, EnterpriseId, Kg, Plate, PortCode, SealId};
use crate::time::Wall;

/// Longest lists accepted in one declaration (L9).
const LIST_LEN_MAX: usize = 64;

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// The word used in data.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl From<$name> for $crate::model::Datum {
            fn from(word: $name) -> Self {
                Self::word(word.as_str())
            }
        }
    };
}
pub(crate) use word;

word! {
    /// The document's form.
    Form {
        /// 报关单
        Bill = "bill",
        /// 进出境报关单备案 entry
        Entry = "entry",
        /// 载货清单
        Rmft = "rmft",
        /// 集报清单, consolidated list
        Cdl = "cdl",
        /// One-off list
        OneOff = "oneoff",
        /// 转关
        Transit = "transit",
        /// Pass
        Pass = "pass",
        /// Empty vehicle, no goods document
        VehicleOnly = "vehicle-only",
    }
}

word! {
    /// Where customs stands with it.
    Status {
        /// May be released by the rules.
        Released = "released",
        /// An officer must decide.
        Held = "held",
        /// Withdrawn.
        Revoked = "revoked",
    }
}

word! {
    /// Which way the truck drives.
    Direction {
        /// Into the customs territory.
        Import = "import",
        /// Out of it.
        Export = "export",
    }
}

word! {
    /// What the truck carries; each kind has its own required evidence.
    Load {
        /// 空车
        Empty = "empty",
        /// 空箱
        EmptyContainer = "empty-container",
        /// Laden container
        Container = "container",
        /// Bulk
        Bulk = "bulk",
        /// Break-bulk
        BreakBulk = "break-bulk",
    }
}

/// One vehicle the declaration expects; any one of its plates identifies it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vehicle {
    /// All plates it bears, at most one a kind.
    pub plates: Vec<Plate>,
    /// Tare of the tractor.
    pub tare_kg: Kg,
    /// When the tare was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tare_at: Option<Date>,
    /// RFID tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A trailer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// Its plate.
    pub plate: Plate,
    /// Its tare.
    pub tare_kg: Kg,
}

/// The driver.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    /// Number of the driver's card.
    pub card: String,
}

/// A container with the seals on it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its number.
    pub no: ContainerNo,
    /// Its tare.
    pub tare_kg: Kg,
    /// Its seals.
    #[serde(default)]
    pub seals: Vec<SealId>,
}

/// How often the declaration may be spent.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Binding {
    /// Once.
    Single {},
    /// 集报: so many trips, so much goods weight.
    Trips {
        /// Trips allowed.
        trips: u32,
        /// Goods allowed over all trips; none = not limited by weight.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        goods_kg: Option<Kg>,
    },
    /// Each of `vehicles` once.
    Shared {},
}

/// Trucks of one 货物运输批次号 cross together.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvoyRef {
    /// The batch number.
    pub no: String,
    /// How many trucks.
    pub members: u32,
}

/// A declaration (FORMATS 2). Windows are `from <= t < until`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Format version; 1 may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u8>,
    /// Its number.
    pub id: DeclarationId,
    /// Its form.
    pub form: Form,
    /// Version; the ledger is keyed by id, not by version.
    pub version: u32,
    /// Where customs stands.
    pub status: Status,
    /// Which way.
    pub direction: Direction,
    /// Which port.
    pub port: PortCode,
    /// Whose.
    pub enterprise: EnterpriseId,
    /// The class it was declared under; the enterprise's own rules.
    pub class: String,
    /// The vehicles expected.
    pub vehicles: Vec<Vehicle>,
    /// Trailers.
    #[serde(default)]
    pub trailers: Vec<Trailer>,
    /// Driver.
    #[serde(default)]
    pub driver: Option<Driver>,
    /// Kind of load.
    pub load: Load,
    /// Containers.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// Seals not on a container.
    #[serde(default)]
    pub seals: Vec<SealId>,
    /// Gross weight of the goods of one trip.
    pub goods_gross_kg: Kg,
    /// Packages.
    #[serde(default)]
    pub packages: Option<u32>,
    /// Start of the window.
    pub valid_from: Wall,
    /// End of the window.
    pub valid_until: Wall,
    /// How often it may be spent.
    pub binding: Binding,
    /// When the settling 报关单 is due.
    #[serde(default)]
    pub settle_by: Option<Wall>,
    /// Convoy.
    #[serde(default)]
    pub convoy: Option<ConvoyRef>,
    /// Documents that ride on this one, all judged.
    #[serde(default)]
    pub covers: Vec<DeclarationId>,
    /// The controller that may release it when claims are local; none = this.
    #[serde(default)]
    pub controller: Option<ControllerId>,
    /// Free for the sender.
    #[serde(default)]
    pub ext: Map<String, Value>,
}

impl Declaration {
    /// A list that does not declare the goods of a trip: what was measured is
    /// spent, and says nothing beside the papers.
    #[must_use]
    pub const fn leaves_goods_open(&self) -> bool {
        let list = matches!(self.binding, Binding::Trips { .. });
        let laden = !matches!(self.load, Load::Empty | Load::EmptyContainer);
        list && laden && self.goods_gross_kg.0 == 0
    }

    /// Every fault beyond shape and type, by path.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, path: &str, why: &str| {
            if !ok {
                faults.push(Fault::new(path, why));
            }
        };
        check(
            self.v.is_none_or(|v| v == 1),
            "v",
            "only version 1 is known",
        );
        check(self.version > 0, "version", "counts from 1");
        check(
            !self.vehicles.is_empty(),
            "vehicles",
            "at least one is needed",
        );
        check(
            self.valid_from < self.valid_until,
            "valid_until",
            "must lie after valid_from",
        );
        let weight_fits = |kg: Kg| kg.0 >= 0 && kg <= Kg::MAX;
        check(
            weight_fits(self.goods_gross_kg),
            "goods_gross_kg",
            "0 to 1000000",
        );
        let lists = [
            ("vehicles", self.vehicles.len()),
            ("trailers", self.trailers.len()),
            ("containers", self.containers.len()),
            ("seals", self.seals.len()),
            ("covers", self.covers.len()),
        ];
        for (path, len) in lists {
            check(len <= LIST_LEN_MAX, path, "at most 64 entries");
        }
        self.faults_by_entry(&mut faults);
        faults
    }

    fn faults_by_entry(&self, faults: &mut Vec<Fault>) {
        let bad = |kg: Kg| kg.0 < 0 || kg > Kg::MAX;
        for (i, vehicle) in self.vehicles.iter().enumerate() {
            if vehicle.plates.is_empty() {
                faults.push(Fault::new(
                    format!("vehicles[{i}].plates"),
                    "at least one plate",
                ));
            }
            if vehicle.plates.iter().any(|p| p.kind().is_trailer()) {
                let path = format!("vehicles[{i}].plates");
                faults.push(Fault::new(path, "a trailer's plate belongs in trailers"));
            }
            if bad(vehicle.tare_kg) {
                faults.push(Fault::new(format!("vehicles[{i}].tare_kg"), "0 to 1000000"));
            }
        }
        for (i, trailer) in self.trailers.iter().enumerate() {
            if bad(trailer.tare_kg) {
                faults.push(Fault::new(format!("trailers[{i}].tare_kg"), "0 to 1000000"));
            }
        }
        for (i, container) in self.containers.iter().enumerate() {
            if bad(container.tare_kg) {
                faults.push(Fault::new(
                    format!("containers[{i}].tare_kg"),
                    "0 to 1000000",
                ));
            }
        }
        if self.covers.contains(&self.id) {
            faults.push(Fault::new("covers", "a declaration cannot ride on itself"));
        }
        if let Binding::Trips { trips: 0, .. } = self.binding {
            faults.push(Fault::new("binding.trips", "at least 1"));
        }
    }

    /// All seals declared, on containers and apart.
    pub fn all_seals(&self) -> impl Iterator<Item = &SealId> {
        let on_boxes = self.containers.iter().flat_map(|c| c.seals.iter());
        on_boxes.chain(self.seals.iter())
    }

    /// The vehicle that bears `plate`.
    #[must_use]
    pub fn vehicle_with(&self, plate: &Plate) -> Option<&Vehicle> {
        self.vehicles.iter().find(|v| v.plates.contains(plate))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::parse_json;

    pub(crate) const EXAMPLE: &str = r#"{"id":"5345202600012345","form":"rmft","version":3,"status":"released","direction":"export","port":"5345","enterprise":"4403161234","class":"advanced",
 "vehicles":[{"plates":["粤ZAB12港","AB1234"],"tare_kg":8600,"tare_at":"2026-05-02","tag":null}],"trailers":[{"plate":"粤B1234挂","tare_kg":5200}],"driver":{"card":"4403000123"},
 "load":"container","containers":[{"no":"CSQU3054383","tare_kg":3750,"seals":["8000620011"]}],"seals":[],"goods_gross_kg":18450,"packages":420,
 "valid_from":"2026-11-24T00:00:00+08:00","valid_until":"2026-11-25T00:00:00+08:00","binding":{"kind":"single"},"settle_by":null,"convoy":null,"covers":[],"controller":null,"ext":{}}"#;

    #[test]
    fn the_published_example_is_read_without_a_fault() {
        let d: Declaration = parse_json(EXAMPLE).unwrap();
        assert!(d.faults().is_empty(), "{:?}", d.faults());
        assert_eq!(d.all_seals().count(), 1);
    }

    /// Case c71: an id sent as a number is a type fault at its path.
    #[test]
    fn a_number_in_place_of_an_id_is_a_fault_at_its_path() {
        let text = EXAMPLE.replace(r#""id":"5345202600012345""#, r#""id":534520261000123457"#);
        let fault = parse_json::<Declaration>(&text).unwrap_err();
        assert_eq!(fault.path, "id");
        assert!(!fault.to_string().contains("534520261000123456"));
    }

    #[test]
    fn unknown_fields_are_refused_except_under_ext() {
        let text = EXAMPLE.replace(r#""packages":420"#, r#""pacages":420"#);
        assert!(parse_json::<Declaration>(&text).is_err());
        let text = EXAMPLE.replace(r#""ext":{}"#, r#""ext":{"anything":[1]}"#);
        assert!(parse_json::<Declaration>(&text).is_ok());
    }

    #[test]
    fn every_fault_of_a_declaration_is_listed() {
        let mut d: Declaration = parse_json(EXAMPLE).unwrap();
        d.version = 0;
        d.valid_until = d.valid_from;
        d.vehicles[0].plates.clear();
        d.containers[0].tare_kg = Kg(-1);
        let paths: Vec<_> = d.faults().into_iter().map(|f| f.path).collect();
        assert_eq!(
            paths,
            [
                "version",
                "valid_until",
                "vehicles[0].plates",
                "containers[0].tare_kg"
            ]
        );
    }
}
