//! The makes, and which page each is written from.

use super::{Display, asked, lines, status, yaohua};

/// A make or a format of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Make {
    /// Yaohua tF=0: A26 manual p. 12.
    YaohuaTf0,
    /// Yaohua tF=1: A26 manual p. 13.
    YaohuaTf1,
    /// The dialect of tF=1 without a sign.
    YaohuaBare,
    /// The same with its `=` behind: what PyPI's weighbridge-simulator sends.
    YaohuaBareBehind,
    /// Yaohua tF=2: A26 manual p. 13.
    YaohuaTf2,
    /// Yaohua A12: samples.
    YaohuaA12,
    /// Yaohua A12E: manual p. 13.
    YaohuaA12e,
    /// Yaohua command mode: DS3 manual p. 8.
    YaohuaCommand,
    /// Mettler-Toledo continuous: WildCat manual 6-4.
    MtLong,
    /// The same with its checksum.
    MtChecked,
    /// The short form: Cardinal 225 manual p. 126.
    MtShort,
    /// Systec record: alibi note.
    Systec,
    /// SMA: PR5220 manual p. 130.
    Sma,
    /// MT-SICS: AL-IC manual p. 72.
    MtSics,
    /// Sartorius SBI: GC803S manual p. 57.
    Sbi,
    /// A&D AD-4404: manual p. 82.
    And,
    /// A&D EK: EK-L manual p. 30.
    AndEk,
    /// Dini Argeo: DGT4X manual p. 52.
    DiniArgeo,
    /// Rice Lake: 482 manual p. 37.
    RiceLake,
    /// Cardinal SB-400: 200 manual p. 28.
    CardinalSb400,
    /// Cardinal SB-200: 225 manual p. 128.
    CardinalSb200,
    /// Avery Weigh-Tronix: RL 482 manual p. 37.
    AveryStream,
    /// Rinstrum: PMC3230975 table 1.
    Rinstrum,
    /// NCI: Ohaus Aviator manual p. 47.
    Nci,
    /// Sewha SI-480: manual p. 39.
    Sewha,
}

/// All of them.
pub const ALL: [Make; 25] = [
    Make::YaohuaTf0,
    Make::YaohuaTf1,
    Make::YaohuaBare,
    Make::YaohuaBareBehind,
    Make::YaohuaTf2,
    Make::YaohuaA12,
    Make::YaohuaA12e,
    Make::YaohuaCommand,
    Make::MtLong,
    Make::MtChecked,
    Make::MtShort,
    Make::Systec,
    Make::Sma,
    Make::MtSics,
    Make::Sbi,
    Make::And,
    Make::AndEk,
    Make::DiniArgeo,
    Make::RiceLake,
    Make::CardinalSb400,
    Make::CardinalSb200,
    Make::AveryStream,
    Make::Rinstrum,
    Make::Nci,
    Make::Sewha,
];

impl Make {
    /// What it puts on the wire; none where the format has nothing to say
    /// that it is out of its range, and the indicator falls silent.
    #[must_use]
    pub fn frame(self, shown: &Display) -> Option<Vec<u8>> {
        match self {
            Self::YaohuaTf0 => yaohua::tf0(shown),
            Self::YaohuaTf1 => yaohua::tf1(shown),
            Self::YaohuaBare => yaohua::bare(shown),
            Self::YaohuaBareBehind => yaohua::bare_behind(shown),
            Self::YaohuaTf2 => yaohua::tf2(shown),
            Self::YaohuaA12 => yaohua::a12(shown),
            Self::YaohuaA12e => Some(yaohua::a12e(shown)),
            Self::YaohuaCommand => yaohua::command(shown),
            Self::MtLong => Some(status::mt(shown, true, false)),
            Self::MtChecked => Some(status::mt(shown, true, true)),
            Self::MtShort => Some(status::mt(shown, false, false)),
            Self::Systec => Some(asked::systec(shown)),
            Self::Sma => Some(asked::sma(shown)),
            Self::MtSics => Some(asked::sics(shown)),
            Self::Sbi => Some(asked::sbi(shown)),
            Self::Nci => Some(asked::nci(shown)),
            Self::And => Some(lines::and(shown)),
            Self::AndEk => Some(lines::and_ek(shown)),
            Self::DiniArgeo => Some(lines::dini(shown)),
            Self::RiceLake => Some(lines::rice_lake(shown)),
            Self::CardinalSb400 => Some(lines::sb400(shown)),
            Self::CardinalSb200 => Some(lines::sb200(shown)),
            Self::AveryStream => lines::avery(shown),
            Self::Rinstrum => Some(lines::rinstrum(shown)),
            Self::Sewha => Some(lines::sewha(shown)),
        }
    }

    /// What it waits for before it speaks.
    #[must_use]
    pub const fn question(self) -> Option<&'static [u8]> {
        match self {
            Self::YaohuaCommand => Some(b"\x02AB03\x03"),
            Self::Systec => Some(b"<RM>"),
            Self::Sma => Some(b"\nW\r"),
            Self::MtSics => Some(b"SI\r\n"),
            Self::Sbi => Some(b"\x1bP"),
            Self::Nci => Some(b"W\r"),
            Self::YaohuaTf0
            | Self::YaohuaTf1
            | Self::YaohuaBare
            | Self::YaohuaBareBehind
            | Self::YaohuaTf2
            | Self::YaohuaA12
            | Self::YaohuaA12e
            | Self::MtLong
            | Self::MtChecked
            | Self::MtShort
            | Self::And
            | Self::AndEk
            | Self::DiniArgeo
            | Self::RiceLake
            | Self::CardinalSb400
            | Self::CardinalSb200
            | Self::AveryStream
            | Self::Rinstrum
            | Self::Sewha => None,
        }
    }

    /// What it answers to something it does not understand.
    #[must_use]
    pub fn refusal(self) -> Option<Vec<u8>> {
        match self {
            Self::Systec => Some(b"<30>\r\n".to_vec()),
            Self::Sma => Some(b"\n?\r".to_vec()),
            Self::MtSics => Some(b"ES\r\n".to_vec()),
            Self::Nci => Some(b"\n?\r\x03".to_vec()),
            Self::YaohuaTf0
            | Self::YaohuaTf1
            | Self::YaohuaBare
            | Self::YaohuaBareBehind
            | Self::YaohuaTf2
            | Self::YaohuaA12
            | Self::YaohuaA12e
            | Self::YaohuaCommand
            | Self::MtLong
            | Self::MtChecked
            | Self::MtShort
            | Self::Sbi
            | Self::And
            | Self::AndEk
            | Self::DiniArgeo
            | Self::RiceLake
            | Self::CardinalSb400
            | Self::CardinalSb200
            | Self::AveryStream
            | Self::Rinstrum
            | Self::Sewha => None,
        }
    }
}
