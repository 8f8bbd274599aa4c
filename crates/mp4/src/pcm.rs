//! Uncompressed sound under QuickTime's many names (QuickTime File Format, "Sound Media").

use brooklet_media::PcmFormat;

use crate::audio_entry::Fields;
use crate::boxes::FourCc;

/// formatSpecificFlags of a sound description of version 2.
pub(crate) mod lpcm {
    pub(crate) const IS_FLOAT: u32 = 1;
    pub(crate) const IS_BIG_ENDIAN: u32 = 2;
    pub(crate) const IS_SIGNED: u32 = 4;
    pub(crate) const IS_PACKED: u32 = 8;
}

/// The format that a type stands for; `None` where it is not PCM, or one that has no name here.
pub(crate) fn format_of(kind: FourCc, fields: &Fields) -> Option<PcmFormat> {
    match &kind {
        b"raw " | b"NONE" | b"\0\0\0\0" if fields.bits <= 8 => Some(PcmFormat::U8),
        b"raw " | b"NONE" | b"twos" => format(false, fields.bits, false),
        b"sowt" | b"ms\0\x01" => format(false, fields.bits, true),
        b"in24" => Some(PcmFormat::S24Be),
        b"in32" => Some(PcmFormat::S32Be),
        b"fl32" => Some(PcmFormat::F32Be),
        b"fl64" => Some(PcmFormat::F64Be),
        b"lpcm" => {
            let flags = fields.lpcm_flags.unwrap_or(lpcm::IS_SIGNED);
            if fields.bits == 8 && flags & (lpcm::IS_FLOAT | lpcm::IS_SIGNED) == 0 {
                return Some(PcmFormat::U8);
            }
            format(flags & lpcm::IS_FLOAT != 0, fields.bits, flags & lpcm::IS_BIG_ENDIAN == 0)
        }
        _ => None,
    }
}

/// The format of signed or floating numbers with so many bits.
pub(crate) const fn format(is_float: bool, bits: u32, is_little: bool) -> Option<PcmFormat> {
    Some(match (is_float, bits, is_little) {
        (false, 16, false) => PcmFormat::S16Be,
        (false, 16, true) => PcmFormat::S16Le,
        (false, 24, false) => PcmFormat::S24Be,
        (false, 24, true) => PcmFormat::S24Le,
        (false, 32, false) => PcmFormat::S32Be,
        (false, 32, true) => PcmFormat::S32Le,
        (true, 32, false) => PcmFormat::F32Be,
        (true, 32, true) => PcmFormat::F32Le,
        (true, 64, false) => PcmFormat::F64Be,
        (true, 64, true) => PcmFormat::F64Le,
        _ => return None,
    })
}

/// The same numbers, little-endian.
pub(crate) const fn little_endian(format: PcmFormat) -> PcmFormat {
    match format {
        PcmFormat::S16Be => PcmFormat::S16Le,
        PcmFormat::S24Be => PcmFormat::S24Le,
        PcmFormat::S32Be => PcmFormat::S32Le,
        PcmFormat::F32Be => PcmFormat::F32Le,
        PcmFormat::F64Be => PcmFormat::F64Le,
        other => other,
    }
}
