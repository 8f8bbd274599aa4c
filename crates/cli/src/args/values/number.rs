//! Numbers with ffmpeg's suffixes (`av_strtod`): `64k` is 64,000, `1Mi` is 1,048,576, `500kB` is 4,000,000 bits.

/// SI prefixes as powers of ten, and of two where ffmpeg knows a binary one.
const PREFIXES: [(char, i32, i32); 17] = [
    ('p', -12, -40),
    ('n', -9, -30),
    ('u', -6, -20),
    ('m', -3, -10),
    ('c', -2, 0),
    ('d', -1, 0),
    ('h', 2, 0),
    ('k', 3, 10),
    ('K', 3, 10),
    ('M', 6, 20),
    ('G', 9, 30),
    ('T', 12, 40),
    ('P', 15, 50),
    ('E', 18, 60),
    ('Z', 21, 70),
    ('Y', 24, 80),
    ('f', -15, -50),
];

/// Any number; finite.
pub(crate) fn number(text: &str) -> Option<f64> {
    let (digits, suffix) = split(text);
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok().map(f64::from)?,
        None => digits.parse().ok()?,
    };
    Some(scale(value, suffix)?).filter(|value| value.is_finite())
}

/// A count: whole, not negative, and exact.
pub(crate) fn whole(text: &str) -> Option<u64> {
    number(text).filter(|value| value.fract() == 0.0).and_then(to_u64)
}

/// Bits in a second, rounded to whole ones.
pub(crate) fn bit_rate(text: &str) -> Option<u64> {
    number(text).map(f64::round).and_then(to_u64)
}

/// Up to where a float counts every whole number.
fn to_u64(value: f64) -> Option<u64> {
    (0.0..=9_007_199_254_740_992.0).contains(&value).then_some(value as u64)
}

/// Where the number ends and its suffix begins.
fn split(text: &str) -> (&str, &str) {
    if text.starts_with("0x") {
        return (text, "");
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut end = usize::from(text.starts_with(['-', '+']));
    while digit(end) || bytes.get(end) == Some(&b'.') {
        end += 1;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let mut exponent = end + 1 + sign;
        while digit(exponent) {
            exponent += 1;
        }
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    text.split_at(end)
}

fn scale(value: f64, suffix: &str) -> Option<f64> {
    if suffix == "dB" {
        return Some(10f64.powf(value / 20.0));
    }
    let (suffix, bits) = suffix.strip_suffix('B').map_or((suffix, 1.0), |rest| (rest, 8.0));
    let (suffix, binary) = suffix.strip_suffix('i').map_or((suffix, false), |rest| (rest, true));
    let mut letters = suffix.chars();
    let factor = match (letters.next(), binary) {
        (None, false) => 1.0,
        (None, true) => return None,
        (Some(letter), _) => {
            let (_, ten, two) = PREFIXES.into_iter().find(|(name, ..)| *name == letter)?;
            if binary { 2f64.powi(two) } else { 10f64.powi(ten) }
        }
    };
    letters.next().is_none().then_some(value * factor * bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_those_of_ffmpeg() {
        let known = [
            ("800k", 800_000),
            ("2M", 2_000_000),
            ("1.5M", 1_500_000),
            ("1Mi", 1_048_576),
            ("64K", 64_000),
            ("64Ki", 65_536),
            ("500kB", 4_000_000),
            ("1KiB", 8_192),
            ("1e6", 1_000_000),
            ("1.5e3k", 1_500_000),
            ("0x10", 16),
            ("48000", 48_000),
        ];
        for (text, bits) in known {
            assert_eq!(bit_rate(text), Some(bits), "{text}");
        }
        assert_eq!(number("20dB"), Some(10.0));
        assert_eq!(number("-3"), Some(-3.0));
        assert_eq!(number("1E"), Some(1e18));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "-", "k", "i", "12x", "1kk", "1 k", "nan", "inf", "1e999", "--5", "1.2.3", "0xg", "5iB"]
        {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(bit_rate("-1"), None);
        assert_eq!(whole("2.5"), None);
        assert_eq!(whole("2.5k"), Some(2_500));
        assert_eq!(whole("1Y"), None);
    }
}
