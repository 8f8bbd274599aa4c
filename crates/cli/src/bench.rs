//! `brooklet bench`: which pictures and sound this machine codes in real time, before it is left alone with them.

use std::io::{self, Write};
use std::time::Duration;

use brooklet::speed::{self, Speed};

use crate::Exit;
use crate::failure::Failure;

/// How long each codec runs each way.
const TIME: Duration = Duration::from_secs(1);

/// Sizes that cameras and screens have.
const SIZES: [(u32, u32); 6] = [(160, 120), (320, 240), (640, 360), (640, 480), (1_280, 720), (1_920, 1_080)];

/// Rates that they have.
const RATES: [u32; 8] = [60, 50, 30, 25, 15, 10, 5, 1];

/// Of its time, what a codec may take where other things run beside it.
const SHARE: f64 = 0.7;

/// Prints a table, each row as it is measured.
pub(crate) fn run() -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    let mut line = |text: String| {
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        written.map_err(|reason| Failure::system("stdout", reason))
    };
    if brooklet_codec::default_encoder(brooklet_media::CodecId::H264).is_some() {
        line("H.264, on one core:      encodes      decodes   holds, encoding   decoding".into())?;
        for (width, height) in SIZES {
            let Speed { encode, decode } = speed::of_pictures("h264", width, height, TIME)?;
            let size = format!("{width}x{height}");
            let row = format!("  {size:14} {encode:12.1}/s {decode:10.1}/s");
            line(format!("{row}  {:>16} {:>10}", held(encode), held(decode)))?;
        }
        line(String::new())?;
    }
    line("Stereo, on one core:     encodes      decodes   times as fast as it is heard".into())?;
    for encoder in ["aac", "mp3", "opus", "flac"] {
        if brooklet_codec::find_encoder(encoder).is_ok() {
            let Speed { encode, decode } = speed::of_sound(encoder, 48_000, TIME)?;
            line(format!("  {encoder:14} {encode:12.1} {decode:12.1}"))?;
        }
    }
    line(format!(
        "\nHolds: the most pictures a second that leave {:.0}% of the core to conversion and sending. Each codec has a\n\
         core to itself where there is one; on a single core the shares of all of them add up.",
        100.0 * (1.0 - SHARE)
    ))?;
    Ok(Exit::Done)
}

/// The highest usual rate that fits.
fn held(per_second: f64) -> String {
    let fits = RATES.iter().find(|rate| f64::from(**rate) <= per_second * SHARE);
    fits.map_or("less than 1/s".into(), |rate| format!("{rate}/s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_held_where_some_time_is_left() {
        assert_eq!(
            [100.0, 43.0, 36.0, 22.0, 1.2].map(held),
            ["60/s", "30/s", "25/s", "15/s", "less than 1/s"]
        );
    }
}
