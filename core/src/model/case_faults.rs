//! What a case that is handed in may not say. A case the lane makes has none of
//! this; the rules themselves answer every case there can be.

use super::{Case, Fault, Kg};

/// Longest list of evidence of one kind (L9).
const EVIDENCE_LEN_MAX: usize = 256;
/// Longest list of facts of one kind (L9).
const FACTS_LEN_MAX: usize = 512;
/// Surer than sure.
const PCT: &str = "0 to 100";

impl Case {
    /// Every fault beyond shape and type, by path.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.v.is_some_and(|v| v != 1) {
            faults.push(Fault::new("v", "only version 1 is known"));
        }
        let facts = &self.facts;
        let lists = [
            ("plates", self.plates.len(), EVIDENCE_LEN_MAX),
            ("seals", self.seals.len(), EVIDENCE_LEN_MAX),
            ("containers", self.containers.len(), EVIDENCE_LEN_MAX),
            ("tags", self.tags.len(), EVIDENCE_LEN_MAX),
            ("devices", self.devices.len(), EVIDENCE_LEN_MAX),
            ("facts.candidates", facts.candidates.len(), FACTS_LEN_MAX),
            ("facts.controls", facts.controls.len(), FACTS_LEN_MAX),
            ("facts.enterprises", facts.enterprises.len(), FACTS_LEN_MAX),
            ("facts.findings", facts.findings.len(), FACTS_LEN_MAX),
        ];
        for (path, len, most) in lists {
            if len > most {
                faults.push(Fault::new(path, format!("at most {most} entries")));
            }
        }
        self.evidence_faults(&mut faults);
        self.fact_faults(&mut faults);
        faults
    }

    fn evidence_faults(&self, faults: &mut Vec<Fault>) {
        for (i, plate) in self.plates.iter().enumerate() {
            if plate.confidence_pct > 100 {
                faults.push(Fault::new(format!("plates[{i}].confidence_pct"), PCT));
            }
        }
        for (i, seal) in self.seals.iter().enumerate() {
            if seal.battery_pct.is_some_and(|pct| pct > 100) {
                faults.push(Fault::new(format!("seals[{i}].battery_pct"), PCT));
            }
        }
        for (i, read) in self.containers.iter().enumerate() {
            if read.confidence_pct.is_some_and(|pct| pct > 100) {
                faults.push(Fault::new(format!("containers[{i}].confidence_pct"), PCT));
            }
        }
        if let Some(weight) = &self.weight {
            // A scale may stand a little below zero.
            if weight.gross_kg > Kg::MAX || weight.gross_kg.0 < -Kg::MAX.0 {
                faults.push(Fault::new("weight.gross_kg", "at most 1000000 either way"));
            }
            if weight.division_kg.0 < 1 || weight.division_kg > Kg::MAX {
                faults.push(Fault::new("weight.division_kg", "1 to 1000000"));
            }
        }
    }

    /// A control that cannot be read is none: the rules hold on it.
    fn fact_faults(&self, faults: &mut Vec<Fault>) {
        let mut add = |list: &str, i: usize, found: Vec<Fault>| {
            let within = |f: Fault| Fault::new(format!("facts.{list}[{i}].{}", f.path), f.why);
            faults.extend(found.into_iter().map(within));
        };
        for (i, declaration) in self.facts.candidates.iter().enumerate() {
            add("candidates", i, declaration.faults());
        }
        for (i, enterprise) in self.facts.enterprises.iter().enumerate() {
            add("enterprises", i, enterprise.faults());
        }
    }
}
