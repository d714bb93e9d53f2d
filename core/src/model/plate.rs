//! Vehicle plates of the Pearl River Delta: normalised, then parsed into a
//! kind. A text that has the shape of no known kind is no plate; it neither
//! identifies nor contradicts.
//!
//! | kind | shape | example |
//! |---|---|---|
//! | mainland | province, letter, 5 (6 for new energy) | 粤B12345, 粤BD12345 |
//! | cross-border 港, 澳 | 粤Z, 4, 港 or 澳 | 粤ZAB12港 |
//! | Hong Kong | two letters and 1-4 digits; special marks to 8 | AB1234 |
//! | Macau | M or M and a letter, 4 digits | MX7742 |
//! | trailer | mainland ending 挂; Hong Kong 1-5 digits and T | 粤B1234挂, 12345T |

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use unicode_normalization::UnicodeNormalization;

/// Province characters of mainland plates (GA 36).
const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";

/// Longest normalised plate in characters.
const PLATE_LEN_MAX: usize = 9;

/// The kinds, each compared only with its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlateKind {
    /// 粤B12345
    Mainland,
    /// 粤ZAB12港
    CrossBorderHongKong,
    /// 粤ZAB12澳
    CrossBorderMacau,
    /// AB1234
    HongKong,
    /// MX7742
    Macau,
    /// 粤B1234挂
    MainlandTrailer,
    /// 12345T
    HongKongTrailer,
}

impl PlateKind {
    /// Trailer kinds are compared with `trailers` alone.
    #[must_use]
    pub const fn is_trailer(self) -> bool {
        matches!(self, Self::MainlandTrailer | Self::HongKongTrailer)
    }
}

/// A normalised text that has the shape of a plate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Plate {
    text: SmolStr,
    kind: PlateKind,
}

/// A text that has the shape of no plate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the shape of a mainland, cross-border, Hong Kong, Macau or trailer plate")]
pub struct PlateError;

impl Plate {
    /// Normalises `raw` and finds its kind.
    ///
    /// # Errors
    /// The text has no plate's shape.
    pub fn parse(raw: &str) -> Result<Self, PlateError> {
        let text = normalise(raw);
        let kind = kind_of(&text).ok_or(PlateError)?;
        Ok(Self { text, kind })
    }

    /// The normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> PlateKind {
        self.kind
    }

    /// Whether the text may be a plate of `kind`: `MU2188` has the shape of a
    /// Macau and of a Hong Kong plate alike.
    #[must_use]
    pub fn may_be(&self, kind: PlateKind) -> bool {
        let other_shape = || {
            let chars: Vec<char> = self.text.chars().collect();
            kind == PlateKind::HongKong && hong_kong_kind(&chars).is_some()
        };
        self.kind == kind || (self.kind == PlateKind::Macau && other_shape())
    }
}

/// Plates are personal data: debug output shows the kind and hides the rest.
impl std::fmt::Debug for Plate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plate({:?}, …)", self.kind)
    }
}

impl std::fmt::Display for Plate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Plate {
    type Error = PlateError;
    fn try_from(text: String) -> Result<Self, PlateError> {
        Self::parse(&text)
    }
}

impl From<Plate> for String {
    fn from(plate: Plate) -> Self {
        plate.text.into()
    }
}

impl From<&Plate> for super::Datum {
    fn from(plate: &Plate) -> Self {
        Self::Text(plate.text.clone())
    }
}

/// NFKC, upper case, without blanks, dots, dashes and middle dots, with Greek
/// and Cyrillic look-alikes mapped to Latin (DOMAIN 2).
#[must_use]
pub fn normalise(raw: &str) -> SmolStr {
    // Upper-case Latin, digits and unified ideographs stand for themselves.
    let plain = |c: char| {
        c.is_ascii_uppercase() || c.is_ascii_digit() || ('\u{4e00}'..='\u{9fff}').contains(&c)
    };
    if raw.len() <= 64 && raw.chars().all(plain) {
        return raw.into();
    }
    raw.nfkc()
        .flat_map(char::to_uppercase)
        .filter(|c| !c.is_whitespace() && !is_separator(*c))
        .map(latin)
        .take(64)
        .collect()
}

const fn is_separator(c: char) -> bool {
    matches!(
        c,
        '.' | '-' | '\u{b7}' | '\u{2022}' | '\u{2027}' | '\u{30fb}' | '\u{2010}'
            ..='\u{2015}' | '\u{2212}' | '\u{22c5}'
    )
}

const fn latin(c: char) -> char {
    match c {
        'Α' | 'А' => 'A',
        'Β' | 'В' => 'B',
        'С' | 'Ϲ' => 'C',
        'Ε' | 'Е' => 'E',
        'Η' | 'Н' => 'H',
        'Ι' | 'І' => 'I',
        'Ј' => 'J',
        'Κ' | 'К' => 'K',
        'Μ' | 'М' => 'M',
        'Ν' => 'N',
        'Ο' | 'О' => 'O',
        'Ρ' | 'Р' => 'P',
        'Ѕ' => 'S',
        'Τ' | 'Т' => 'T',
        'Χ' | 'Х' => 'X',
        'Υ' | 'У' => 'Y',
        'Ζ' => 'Z',
        other => other,
    }
}

fn kind_of(text: &str) -> Option<PlateKind> {
    let mut chars = ['\0'; PLATE_LEN_MAX];
    let mut len = 0;
    for c in text.chars() {
        *chars.get_mut(len)? = c;
        len += 1;
    }
    let c = &chars[..len];
    if c.is_empty() {
        return None;
    }
    if PROVINCES.contains(c[0]) {
        return mainland_kind(c);
    }
    macau_kind(c)
        .or_else(|| hong_kong_trailer_kind(c))
        .or_else(|| hong_kong_kind(c))
}

/// Letters I and O do not occur in a mainland serial (GA 36).
fn is_serial(c: char) -> bool {
    c.is_ascii_digit() || (c.is_ascii_uppercase() && c != 'I' && c != 'O')
}

fn mainland_kind(c: &[char]) -> Option<PlateKind> {
    if c.len() < 7 || !c[1].is_ascii_uppercase() || matches!(c[1], 'I') {
        return None;
    }
    let (serial, last) = (&c[2..c.len() - 1], c[c.len() - 1]);
    if !serial.iter().all(|&s| is_serial(s)) {
        return None;
    }
    match (c.len(), last) {
        (7, '港') if c[0] == '粤' && c[1] == 'Z' => Some(PlateKind::CrossBorderHongKong),
        (7, '澳') if c[0] == '粤' && c[1] == 'Z' => Some(PlateKind::CrossBorderMacau),
        (7, '挂') => Some(PlateKind::MainlandTrailer),
        (7, '学' | '警' | '使' | '领') => Some(PlateKind::Mainland),
        (7 | 8, s) if is_serial(s) => Some(PlateKind::Mainland),
        _ => None,
    }
}

fn macau_kind(c: &[char]) -> Option<PlateKind> {
    let letters = c.iter().take_while(|s| s.is_ascii_uppercase()).count();
    let digits = &c[letters..];
    let shaped = c[0] == 'M'
        && (1..=2).contains(&letters)
        && digits.len() == 4
        && digits.iter().all(char::is_ascii_digit);
    shaped.then_some(PlateKind::Macau)
}

fn hong_kong_trailer_kind(c: &[char]) -> Option<PlateKind> {
    let (digits, last) = (&c[..c.len() - 1], c[c.len() - 1]);
    let shaped =
        last == 'T' && (1..=5).contains(&digits.len()) && digits.iter().all(char::is_ascii_digit);
    shaped.then_some(PlateKind::HongKongTrailer)
}

/// Two letters and 1 to 4 digits without a leading zero. Personalised marks
/// (up to 8 characters) are not told from overlays and badges by their shape,
/// so they identify only through another plate of the same vehicle.
fn hong_kong_kind(c: &[char]) -> Option<PlateKind> {
    let letters = c.iter().take_while(|s| s.is_ascii_uppercase()).count();
    let digits = &c[letters..];
    let shaped = letters == 2
        && (1..=4).contains(&digits.len())
        && digits.iter().all(char::is_ascii_digit)
        && digits[0] != '0'
        && !c[..2].iter().any(|s| matches!(s, 'I' | 'O' | 'Q'));
    shaped.then_some(PlateKind::HongKong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(text: &str) -> Option<PlateKind> {
        Plate::parse(text).ok().map(|p| p.kind())
    }

    #[test]
    fn each_kind_is_told_by_its_shape() {
        assert_eq!(kind("粤B12345"), Some(PlateKind::Mainland));
        assert_eq!(kind("粤BD12345"), Some(PlateKind::Mainland));
        assert_eq!(kind("粤A12345F"), Some(PlateKind::Mainland));
        assert_eq!(kind("粤B1234警"), Some(PlateKind::Mainland));
        assert_eq!(kind("粤ZAB12港"), Some(PlateKind::CrossBorderHongKong));
        assert_eq!(kind("粤ZAB12澳"), Some(PlateKind::CrossBorderMacau));
        assert_eq!(kind("粤B1234挂"), Some(PlateKind::MainlandTrailer));
        assert_eq!(kind("AB1234"), Some(PlateKind::HongKong));
        assert_eq!(kind("MX7742"), Some(PlateKind::Macau));
        assert_eq!(kind("M1234"), Some(PlateKind::Macau));
        assert_eq!(kind("12345T"), Some(PlateKind::HongKongTrailer));
    }

    /// Case c17: an overlay, a badge or a sign is no plate.
    #[test]
    fn a_text_of_no_plates_shape_is_no_plate() {
        for text in [
            "CAM03",
            "C00D",
            "全包国脚型",
            "--",
            "",
            "_无_",
            "无牌车",
            "UNKNOWN",
            "?",
            "粤B1234I",
            "粤BO2345",
            "AB0123",
            "123456T",
            "粤ZAB12",
            "京ZAB12港",
            "绮12345",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn separators_width_case_and_look_alike_alphabets_fold_away() {
        assert_eq!(Plate::parse(" 粤b·12345 ").unwrap().as_str(), "粤B12345");
        assert_eq!(Plate::parse("粤Ｂ－12345").unwrap().as_str(), "粤B12345");
        // Greek Alpha and Cyrillic Ve
        assert_eq!(
            Plate::parse("\u{391}\u{412} 1234").unwrap().as_str(),
            "AB1234"
        );
    }

    #[test]
    fn debug_output_does_not_show_the_plate() {
        let shown = format!("{:?}", Plate::parse("粤B12345").unwrap());
        assert!(!shown.contains("12345"), "{shown}");
    }

    #[test]
    fn a_macau_shape_may_be_a_hong_kong_plate_and_no_other_kind_is_two() {
        let plate = |text| Plate::parse(text).unwrap();
        assert!(plate("MU2188").may_be(PlateKind::HongKong));
        assert!(plate("MU2188").may_be(PlateKind::Macau));
        assert!(!plate("M2188").may_be(PlateKind::HongKong));
        assert!(!plate("MQ2188").may_be(PlateKind::HongKong));
        assert!(!plate("AB1234").may_be(PlateKind::Macau));
    }

    proptest! {
        /// The short way must not differ from the long one.
        #[test]
        fn plain_text_is_its_own_normal_form(text in "[A-Z0-9\u{4e00}-\u{9fff}]{0,20}") {
            prop_assert_eq!(text.nfkc().flat_map(char::to_uppercase).map(latin).collect::<String>(), normalise(&text));
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in ".*") {
            if let Ok(plate) = Plate::parse(&text) {
                prop_assert!(!plate.as_str().is_empty());
                prop_assert_eq!(Plate::parse(plate.as_str()).unwrap(), plate);
            }
        }
    }
}
