//! Plates of cross-border and mainland trucks, and how a camera misreads them.

use std::collections::BTreeSet;

use crate::rng::Rng;

/// Serial characters of mainland plates: I and O do not occur.
const SERIAL: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Letters of Hong Kong's ordinary plates: I, O and Q are not issued.
const HONG_KONG_LETTERS: &[u8] = b"ABCDEFGHJKLMNPRSTUVWXYZ";

/// Pairs a camera takes for one another.
const LOOK_ALIKES: [(char, char); 6] = [
    ('0', 'D'),
    ('1', 'L'),
    ('2', 'Z'),
    ('5', 'S'),
    ('8', 'B'),
    ('6', 'G'),
];

/// Which plates a truck bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bears {
    /// 粤Z….港 and a Hong Kong plate.
    HongKong,
    /// 粤Z….澳 and a Macau plate.
    Macau,
    /// One 粤B plate.
    Mainland,
}

/// Makes plates no two of which a camera could take for one another.
#[derive(Debug, Default)]
pub(crate) struct Plates {
    taken: BTreeSet<String>,
}

impl Plates {
    /// The plates of a new truck. With `misreadable` the first one holds a
    /// character that has a look-alike.
    pub(crate) fn truck(&mut self, rng: &mut Rng, bears: Bears, misreadable: bool) -> Vec<String> {
        match bears {
            Bears::HongKong => vec![
                self.unique(rng, |r| format!("粤Z{}港", serial(r, 4, misreadable))),
                self.hong_kong(rng),
            ],
            Bears::Macau => vec![
                self.unique(rng, |r| format!("粤Z{}澳", serial(r, 4, misreadable))),
                self.macau(rng),
            ],
            Bears::Mainland => {
                vec![self.unique(rng, |r| format!("粤B{}", serial(r, 5, misreadable)))]
            }
        }
    }

    /// A second plate of the same kind that is not the declared one.
    pub(crate) fn other_second(&mut self, rng: &mut Rng, bears: Bears) -> String {
        match bears {
            Bears::Macau => self.macau(rng),
            Bears::HongKong | Bears::Mainland => self.hong_kong(rng),
        }
    }

    /// A semi-trailer's plate.
    pub(crate) fn trailer(&mut self, rng: &mut Rng) -> String {
        self.unique(rng, |r| format!("粤B{}挂", serial(r, 4, false)))
    }

    fn hong_kong(&mut self, rng: &mut Rng) -> String {
        self.unique(rng, |r| {
            let letters = (0..2).map(|_| char::from(r.pick(HONG_KONG_LETTERS)));
            let letters: String = letters.collect();
            format!("{letters}{}", r.range(100, 9999))
        })
    }

    fn macau(&mut self, rng: &mut Rng) -> String {
        self.unique(rng, |r| {
            format!("M{}{:04}", char::from(r.pick(LETTERS)), r.range(1000, 9999))
        })
    }

    fn unique(&mut self, rng: &mut Rng, make: impl Fn(&mut Rng) -> String) -> String {
        loop {
            let plate = make(rng);
            if self.taken.insert(fold(&plate)) {
                return plate;
            }
        }
    }
}

/// The text with one character (not the province, letter or region) taken for
/// its look-alike; `None` if it has none.
pub(crate) fn look_alike(plate: &str, rng: &mut Rng) -> Option<String> {
    let chars: Vec<char> = plate.chars().collect();
    let first = if chars.first() == Some(&'粤') { 2 } else { 0 };
    let places: Vec<usize> = (first..chars.len())
        .filter(|&i| twin(chars[i]).is_some())
        .collect();
    if places.is_empty() {
        return None;
    }
    let at = rng.pick(&places);
    let mut read = chars;
    read[at] = twin(read[at]).expect("only places with a look-alike were kept");
    Some(read.into_iter().collect())
}

/// Characters a camera takes for one another.
const CONFUSED: [&str; 6] = ["0ODQ", "1IL", "2Z", "5S", "8B", "6G"];

/// The text with one character taken for another a camera confuses it with,
/// wherever in the plate; `None` if it has none.
pub(crate) fn confused(plate: &str, rng: &mut Rng) -> Option<String> {
    let class = |c: char| CONFUSED.iter().find(|class| class.contains(c));
    let chars: Vec<char> = plate.chars().collect();
    let places: Vec<usize> = (0..chars.len())
        .filter(|&i| class(chars[i]).is_some())
        .collect();
    if places.is_empty() {
        return None;
    }
    let at = rng.pick(&places);
    let others: Vec<char> = class(chars[at])
        .expect("only places with a class were kept")
        .chars()
        .filter(|&c| c != chars[at])
        .collect();
    let mut read = chars;
    read[at] = rng.pick(&others);
    Some(read.into_iter().collect())
}

fn serial(rng: &mut Rng, len: usize, misreadable: bool) -> String {
    let mut serial: Vec<u8> = (0..len).map(|_| rng.pick(SERIAL)).collect();
    if misreadable {
        serial[len - 1] = rng.pick(b"0125868");
    }
    serial.into_iter().map(char::from).collect()
}

fn twin(c: char) -> Option<char> {
    LOOK_ALIKES.iter().find_map(|&(a, b)| match c {
        _ if c == a => Some(b),
        _ if c == b => Some(a),
        _ => None,
    })
}

/// All look-alikes of one text fold to one key.
fn fold(plate: &str) -> String {
    plate
        .chars()
        .map(|c| match c {
            'O' | 'D' | 'Q' => '0',
            'I' | 'L' => '1',
            'Z' => '2',
            'S' => '5',
            'B' => '8',
            'G' => '6',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thousand_trucks_bear_plates_of_the_right_shape_and_none_looks_like_another() {
        let (mut plates, mut rng) = (Plates::default(), Rng::new(3, 3));
        let mut folded = BTreeSet::new();
        for i in 0..2000 {
            let bears = [Bears::HongKong, Bears::Macau, Bears::Mainland][i % 3];
            for plate in plates.truck(&mut rng, bears, false) {
                assert!(!plate.contains('I') && !plate.contains('O'), "{plate}");
                let hong_kong = plate.starts_with(|c: char| c.is_ascii_uppercase());
                let special = matches!(bears, Bears::HongKong) && hong_kong;
                assert!(!special || !plate.contains('Q'), "{plate}");
                assert!(folded.insert(fold(&plate)), "{plate}");
            }
        }
    }

    #[test]
    fn a_look_alike_differs_in_exactly_one_character_and_folds_to_the_same_key() {
        let (mut plates, mut rng) = (Plates::default(), Rng::new(4, 4));
        for _ in 0..200 {
            let plate = plates.truck(&mut rng, Bears::HongKong, true).remove(0);
            let read = look_alike(&plate, &mut rng).expect("made to be misreadable");
            let differing = plate
                .chars()
                .zip(read.chars())
                .filter(|(a, b)| a != b)
                .count();
            assert_eq!(differing, 1, "{plate} {read}");
            assert_eq!(fold(&plate), fold(&read));
            assert!(read.starts_with("粤Z") && read.ends_with('港'), "{read}");
        }
        assert_eq!(look_alike("MX7743", &mut rng), None);
    }
}
