//! Sample formats and channel layouts, under ffmpeg's names.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::Error;

/// How one sample of sound is stored, native-endian, and whether channels share a plane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SampleFormat {
    /// Unsigned 8-bit, silence at 128, channels interleaved.
    U8,
    /// Signed 16-bit, interleaved.
    S16,
    /// Signed 32-bit, interleaved.
    S32,
    /// 32-bit float, full scale ±1, interleaved.
    F32,
    /// 64-bit float, full scale ±1, interleaved.
    F64,
    /// [`SampleFormat::U8`], a plane for each channel.
    U8p,
    /// [`SampleFormat::S16`], a plane for each channel.
    S16p,
    /// [`SampleFormat::S32`], a plane for each channel.
    S32p,
    /// [`SampleFormat::F32`], a plane for each channel.
    F32p,
    /// [`SampleFormat::F64`], a plane for each channel.
    F64p,
}

use SampleFormat::*;

impl SampleFormat {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 10] = [U8, S16, S32, F32, F64, U8p, S16p, S32p, F32p, F64p];

    /// ffmpeg's name.
    pub const fn name(self) -> &'static str {
        match self {
            U8 => "u8",
            S16 => "s16",
            S32 => "s32",
            F32 => "flt",
            F64 => "dbl",
            U8p => "u8p",
            S16p => "s16p",
            S32p => "s32p",
            F32p => "fltp",
            F64p => "dblp",
        }
    }

    /// Bytes of one sample of one channel.
    pub const fn bytes(self) -> usize {
        match self {
            U8 | U8p => 1,
            S16 | S16p => 2,
            S32 | S32p | F32 | F32p => 4,
            F64 | F64p => 8,
        }
    }

    /// Whether each channel has a plane of its own.
    pub const fn is_planar(self) -> bool {
        matches!(self, U8p | S16p | S32p | F32p | F64p)
    }

    /// The same numbers with channels interleaved.
    pub const fn packed(self) -> Self {
        match self {
            U8 | U8p => U8,
            S16 | S16p => S16,
            S32 | S32p => S32,
            F32 | F32p => F32,
            F64 | F64p => F64,
        }
    }

    /// The same numbers with a plane for each channel.
    pub const fn planar(self) -> Self {
        match self {
            U8 | U8p => U8p,
            S16 | S16p => S16p,
            S32 | S32p => S32p,
            F32 | F32p => F32p,
            F64 | F64p => F64p,
        }
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SampleFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
            Error::unsupported(format!("sample format '{name}'"), all.join(", "))
        })
    }
}

/// Which loudspeakers the channels are for; channels are in ffmpeg's order (FL FR FC LFE BL BR SL SR …).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChannelLayout {
    /// FC.
    Mono,
    /// FL FR.
    Stereo,
    /// FL FR FC.
    Surround,
    /// FL FR FC BC.
    FourZero,
    /// FL FR FC SL SR or FL FR FC BL BR.
    FiveZero,
    /// FL FR FC LFE and two of the side or back.
    FiveOne,
    /// FL FR FC LFE BL BR SL SR.
    SevenOne,
    /// So many channels (at least 1) of no known place.
    Unknown(u8),
}

use ChannelLayout::*;

impl ChannelLayout {
    /// The layout that a bare channel count stands for; `None` for 0 channels.
    pub const fn from_channels(channels: u8) -> Option<Self> {
        Some(match channels {
            0 => return None,
            1 => Mono,
            2 => Stereo,
            3 => Surround,
            4 => FourZero,
            5 => FiveZero,
            6 => FiveOne,
            8 => SevenOne,
            other => Unknown(other),
        })
    }

    /// Number of channels, at least 1.
    pub const fn channels(self) -> usize {
        match self {
            Mono => 1,
            Stereo => 2,
            Surround => 3,
            FourZero => 4,
            FiveZero => 5,
            FiveOne => 6,
            SevenOne => 8,
            Unknown(0) => 1,
            Unknown(channels) => channels as usize,
        }
    }
}

impl fmt::Display for ChannelLayout {
    /// ffmpeg's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mono => "mono",
            Stereo => "stereo",
            Surround => "3.0",
            FourZero => "4.0",
            FiveZero => "5.0",
            FiveOne => "5.1",
            SevenOne => "7.1",
            Unknown(channels) => return write!(f, "{channels} channels"),
        })
    }
}

impl FromStr for ChannelLayout {
    type Err = Error;

    /// Takes ffmpeg's names and plain channel counts: `stereo`, `5.1`, `5.1(side)`, `2`, `2c`.
    fn from_str(name: &str) -> Result<Self, Error> {
        let known = match name {
            "mono" => Some(Mono),
            "stereo" => Some(Stereo),
            "3.0" => Some(Surround),
            "4.0" => Some(FourZero),
            "5.0" | "5.0(side)" => Some(FiveZero),
            "5.1" | "5.1(side)" => Some(FiveOne),
            "7.1" => Some(SevenOne),
            count => count.trim_end_matches('c').parse().ok().and_then(Self::from_channels),
        };
        known.ok_or_else(|| {
            Error::unsupported(
                format!("channel layout '{name}'"),
                "mono, stereo, 3.0, 4.0, 5.0, 5.1, 7.1 or a number of channels",
            )
        })
    }
}
