//! Declarations, enterprises and controls as customs sends them.

use serde_json::{Value, json};

use crate::wall;

/// Milliseconds of an hour.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// A box on the truck.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) no: String,
    pub(crate) tare_kg: i64,
    pub(crate) seals: Vec<String>,
}

/// What a declaration says, before it is written as JSON.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) id: String,
    pub(crate) form: &'static str,
    pub(crate) port: String,
    pub(crate) enterprise: String,
    pub(crate) class: &'static str,
    pub(crate) plates: Vec<String>,
    pub(crate) tractor_kg: i64,
    pub(crate) tare_at_ms: i64,
    pub(crate) trailer: Option<(String, i64)>,
    pub(crate) load: &'static str,
    pub(crate) boxes: Vec<Container>,
    pub(crate) goods_kg: i64,
    pub(crate) from_ms: i64,
    pub(crate) until_ms: i64,
    /// Trips of a list; `None` = single.
    pub(crate) trips: Option<u32>,
}

impl Declared {
    /// Tractor, trailer, boxes and goods together.
    pub(crate) fn theoretical_kg(&self) -> i64 {
        self.tractor_kg
            + self.trailer.as_ref().map_or(0, |(_, kg)| *kg)
            + self.boxes.iter().map(|b| b.tare_kg).sum::<i64>()
            + self.goods_kg
    }

    /// The feed item.
    pub(crate) fn item(&self) -> Value {
        let binding = match self.trips {
            None => json!({"kind": "single"}),
            Some(trips) => {
                json!({"kind": "trips", "trips": trips, "goods_kg": self.goods_kg * i64::from(trips)})
            }
        };
        let boxes: Vec<Value> = self
            .boxes
            .iter()
            .map(|b| json!({"no": b.no, "tare_kg": b.tare_kg, "seals": b.seals}))
            .collect();
        let trailers: Vec<Value> = self
            .trailer
            .iter()
            .map(|(plate, kg)| json!({"plate": plate, "tare_kg": kg}))
            .collect();
        let tare_at = wall::local(self.tare_at_ms).date().to_string();
        json!({"declaration": {
            "id": self.id, "form": self.form, "version": 1, "status": "released",
            "direction": "export", "port": self.port,
            "enterprise": self.enterprise, "class": self.class,
            "vehicles": [{"plates": self.plates, "tare_kg": self.tractor_kg, "tare_at": tare_at, "tag": null}],
            "trailers": trailers, "load": self.load, "containers": boxes, "seals": [],
            "goods_gross_kg": self.goods_kg, "packages": if self.goods_kg > 0 { 420 } else { 0 },
            "valid_from": wall::rfc3339(self.from_ms), "valid_until": wall::rfc3339(self.until_ms),
            "binding": binding,
        }})
    }
}

/// The feed item of an enterprise in good standing.
pub(crate) fn enterprise(id: &str, class: &str) -> Value {
    json!({"enterprise": {
        "id": id, "version": 1, "class": class, "state": "normal",
        "papers_overdue": 0, "settlements_overdue": 0, "sampling": null,
    }})
}

/// The feed item of a control on `value`.
pub(crate) fn control(id: &str, kind: &str, value: &str, act: &str) -> Value {
    json!({"control": {
        "id": id, "version": 1, "subject": {"kind": kind, "value": value}, "act": act,
        "stops": ["xray", "unpack"], "reason": "central targeting", "from": null,
        "expires": null, "withdrawn": false,
    }})
}
