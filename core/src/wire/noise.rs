//! Why bytes are no frame, and what they tell about the line.

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NoiseWhy {
    /// Nothing that starts a frame.
    NoStart,
    /// It broke off: the line fell silent, or the next frame began inside.
    Cut,
    /// The terminator is not where the length puts it.
    Terminator,
    /// The checksum does not fit.
    Checksum,
    /// The weight is no decimal number.
    NotDecimal,
    /// A zero byte inside text: the driver's mark of a parity error.
    LineError,
    /// Longer than any frame or message of this protocol.
    TooLong,
    /// Not the syntax of the protocol.
    Syntax,
    /// A field is missing, of the wrong type or out of its range.
    Field,
    /// The text is not in the character set it should be in.
    Encoding,
}

impl NoiseWhy {
    /// The word `decode` prints; also a metric label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoStart => "no-start",
            Self::Cut => "cut",
            Self::Terminator => "terminator",
            Self::Checksum => "checksum",
            Self::NotDecimal => "not-decimal",
            Self::LineError => "line-error",
            Self::TooLong => "too-long",
            Self::Syntax => "syntax",
            Self::Field => "field",
            Self::Encoding => "encoding",
        }
    }
}

/// What the bytes tell about a wrong setting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Hint {
    /// 7 data bits, even parity, read as 8N1.
    SevenEven,
    /// 7 data bits, odd parity, read as 8N1.
    SevenOdd,
    /// The two CRC bytes are exchanged against the setting.
    CrcSwapped,
    /// The checksum's nibbles are written the other way.
    Nibbles,
    /// Frames of the other family of UHF readers.
    UhfFamily,
    /// Yaohua's `=` behind the figure and silence, where one begins a frame.
    MarkBehind,
}

impl Hint {
    /// What is wrong and what to set.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SevenEven => {
                "the line is 7 data bits, even parity (every byte has even parity, \
                 bit 7 is set on some): set data_bits = 7, parity = \"even\""
            }
            Self::SevenOdd => {
                "the line is 7 data bits, odd parity (every byte has odd parity, \
                 bit 7 is set on some): set data_bits = 7, parity = \"odd\""
            }
            Self::CrcSwapped => {
                "the CRC bytes are exchanged: change the setting crc (normal, swapped)"
            }
            Self::Nibbles => {
                "the checksum fits the other way of writing nibbles: \
                 change the setting nibbles (hex, plus30)"
            }
            Self::UhfFamily => {
                "the frames are whole and fit the other family: \
                 change the protocol (uhfreader18, uhfreader288)"
            }
            Self::MarkBehind => {
                "the = comes behind the figure: yaohua-tf1 with mark = \"after\" reads that \
                 (and sign = \"none\" where the figure has no 0 or - at its end)"
            }
        }
    }
}

/// Fewest bytes from which parity is told: by chance, text with a parity bit
/// is that regular once in some thousands.
const PARITY_LEN_MIN: usize = 12;

/// Bytes of noise that follow one another, not kept, only counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NoiseRun {
    pub(super) len: usize,
    why: NoiseWhy,
    hint: Option<Hint>,
    high: usize,
    even: usize,
    text: usize,
}

impl NoiseRun {
    pub(super) const fn new() -> Self {
        Self {
            len: 0,
            why: NoiseWhy::NoStart,
            hint: None,
            high: 0,
            even: 0,
            text: 0,
        }
    }

    pub(super) fn add(&mut self, byte: u8, why: NoiseWhy, hint: Option<Hint>) {
        // The first fault that is more than "no start here" explains the
        // rest: what follows it is the remainder of the same torn frame.
        if self.why == NoiseWhy::NoStart {
            self.why = why;
        }
        self.hint = self.hint.or(hint);
        self.len += 1;
        self.high += usize::from(byte & 0x80 != 0);
        self.even += usize::from(byte.count_ones().is_multiple_of(2));
        self.text += usize::from(matches!(byte & 0x7f, 2 | 3 | b'\r' | b'\n' | 0x20..=0x7e));
    }

    pub(super) const fn why(&self) -> NoiseWhy {
        self.why
    }

    pub(super) fn hint(&self) -> Option<Hint> {
        self.hint.or_else(|| self.parity())
    }

    fn parity(&self) -> Option<Hint> {
        let regular = self.len >= PARITY_LEN_MIN && self.high > 0 && self.text == self.len;
        match self.even {
            even if regular && even == self.len => Some(Hint::SevenEven),
            0 if regular => Some(Hint::SevenOdd),
            _ => None,
        }
    }
}
