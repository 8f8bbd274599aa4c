//! Progress in words: the status line and its bar, and the blocks of `-progress`. All with ffmpeg's numbers.

use std::time::Duration;

use brooklet::job::{Playback, Progress};

/// `frame=  123 fps= 25 q=-1.0 size=     456kB time=00:00:04.92 bitrate= 758.9kbits/s speed=1.02x`.
pub(crate) fn line(progress: &Progress, last: bool) -> String {
    let mut line = String::new();
    if progress.frames > 0 {
        let fps = fps(progress);
        let decimals = usize::from(fps < 9.95);
        line += &format!("frame={:5} fps={fps:3.decimals$} q=-1.0 ", progress.frames);
    }
    line += if last { "Lsize=" } else { "size=" };
    line += &format!("{:8.0}kB time={} ", progress.bytes as f64 / 1024.0, clock(progress.time, 2));
    line += &format!("bitrate={}", bit_rate(progress));
    if progress.duplicated > 0 || progress.dropped > 0 {
        line += &format!(" dup={} drop={}", progress.duplicated, progress.dropped);
    }
    if let Some(playback) = progress.playback {
        line += &fares(&playback);
    }
    line + &format!(" speed={}", speed(progress))
}

/// How a speaker fares, as far as there is something to say: ` latency=0.20 underruns=1`, in seconds.
fn fares(playback: &Playback) -> String {
    let mut text = String::new();
    if !playback.latency.is_zero() {
        text += &format!(" latency={:.2}", playback.latency.as_secs_f64());
    }
    if playback.underruns > 0 {
        text += &format!(" underruns={}", playback.underruns);
    }
    text
}

/// `[=====>    ]  45% 0:32 left`, in so many columns; none where the length is not known or the room too small.
pub(crate) fn bar(progress: &Progress, columns: usize) -> Option<String> {
    let total = progress.total?.as_secs_f64();
    let done = (progress.time.as_secs_f64() / total).clamp(0.0, 1.0);
    if !done.is_finite() {
        return None;
    }
    let left = Some(progress.elapsed.as_secs_f64() / done - progress.elapsed.as_secs_f64())
        .filter(|left| left.is_finite() && *left < 360_000.0)
        .map_or_else(|| "-:--".into(), |left| short_clock(left.round() as u64));
    let words = format!(" {:3.0}% {left} left", (done * 100.0).floor());
    let room = columns.checked_sub(words.len() + 2).filter(|room| *room >= 5)?.min(30);
    let filled = (done * room as f64) as usize;
    let head = if filled < room { ">" } else { "" };
    let rest = room - filled - head.len();
    Some(format!("[{:=<filled$}{head}{:rest$}]{words}", "", ""))
}

/// One block of `-progress`.
pub(crate) fn block(progress: &Progress, last: bool) -> String {
    let micros = progress.time.as_micros();
    let mut block = String::new();
    if progress.frames > 0 {
        block += &format!("frame={}\nfps={:.2}\n", progress.frames, fps(progress));
    }
    block += &format!("bitrate={}\ntotal_size={}\n", bit_rate(progress), progress.bytes);
    // out_time_ms is in microseconds too: a slip of ffmpeg's that every reader of it counts on.
    block += &format!("out_time_us={micros}\nout_time_ms={micros}\nout_time={}\n", clock(progress.time, 6));
    block += &format!("dup_frames={}\ndrop_frames={}\n", progress.duplicated, progress.dropped);
    let state = if last { "end" } else { "continue" };
    block + &format!("speed={}\nprogress={state}\n", speed(progress))
}

/// `HH:MM:SS` and so many digits of a second, cut off and not rounded.
pub(crate) fn clock(time: Duration, digits: u32) -> String {
    let (seconds, fraction) = (time.as_secs(), time.subsec_nanos() / 10u32.pow(9 - digits.min(9)));
    let width = digits as usize;
    format!("{:02}:{:02}:{:02}.{fraction:0width$}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn short_clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn fps(progress: &Progress) -> f64 {
    let elapsed = progress.elapsed.as_secs_f64();
    if elapsed > 0.0 { progress.frames as f64 / elapsed } else { 0.0 }
}

fn bit_rate(progress: &Progress) -> String {
    if progress.time.is_zero() {
        return "N/A".into();
    }
    format!("{:6.1}kbits/s", progress.bytes as f64 * 8.0 / progress.time.as_secs_f64() / 1_000.0)
}

/// Three digits that count, as C's `%4.3g` up to 999.
fn speed(progress: &Progress) -> String {
    let speed = progress.time.as_secs_f64() / progress.elapsed.as_secs_f64();
    if !speed.is_finite() {
        return "N/A".into();
    }
    let decimals = match speed {
        ..0.1 => 4,
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{speed:.decimals$}");
    let short = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{short:>4}x")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(frames: u64, bytes: u64, millis: u64, elapsed: u64) -> Progress {
        let (time, elapsed) = (Duration::from_millis(millis), Duration::from_millis(elapsed));
        Progress { frames, bytes, time, elapsed, ..Progress::default() }
    }

    #[test]
    fn the_line_is_that_of_ffmpeg() {
        let progress = progress(123, 466_944, 4_920, 4_823);
        let expected =
            "frame=  123 fps= 26 q=-1.0 size=     456kB time=00:00:04.92 bitrate= 759.3kbits/s speed=1.02x";
        assert_eq!(line(&progress, false), expected);
        assert!(line(&progress, true).contains(" Lsize=     456kB "));
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        assert_eq!(
            line(&progress(0, 0, 0, 0), false),
            "size=       0kB time=00:00:00.00 bitrate=N/A speed=N/A"
        );
        assert_eq!(bar(&progress(1, 1, 1, 1), 80), None);
        let lost = Progress { duplicated: 1, dropped: 2, ..progress(9, 1_024, 3_600_000, 1_000) };
        assert!(line(&lost, false).ends_with(" dup=1 drop=2 speed=3600x"), "{}", line(&lost, false));
        assert!(line(&lost, false).starts_with("frame=    9 fps=9.0 q=-1.0 "));
        let heard = Playback { latency: Duration::from_millis(204), underruns: 2, dropped: 0 };
        let heard = Progress { playback: Some(heard), ..progress(0, 0, 1_000, 1_000) };
        assert!(line(&heard, false).ends_with(" latency=0.20 underruns=2 speed=   1x"));
        let quiet = Progress { playback: Some(Playback::default()), ..heard };
        assert!(line(&quiet, false).ends_with(" speed=   1x") && !line(&quiet, false).contains("latency"));
    }

    #[test]
    fn speeds_have_three_digits() {
        for (millis, text) in
            [(1_000, "   1x"), (1_234, "1.23x"), (999, "0.999x"), (25_340, "25.3x"), (50, "0.05x")]
        {
            assert_eq!(speed(&progress(0, 0, millis, 1_000)), text);
        }
    }

    #[test]
    fn the_block_has_the_keys_of_ffmpeg() {
        let block = block(&progress(123, 466_944, 4_920, 4_823), true);
        let keys: Vec<_> =
            block.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key).collect();
        let expected = [
            "frame",
            "fps",
            "bitrate",
            "total_size",
            "out_time_us",
            "out_time_ms",
            "out_time",
            "dup_frames",
            "drop_frames",
            "speed",
            "progress",
        ];
        assert_eq!(keys, expected);
        assert!(block.contains("out_time=00:00:04.920000\n") && block.ends_with("progress=end\n"));
    }

    #[test]
    fn the_bar_fits_its_room() {
        let half = Progress { total: Some(Duration::from_secs(10)), ..progress(1, 1, 5_000, 2_500) };
        assert_eq!(bar(&half, 28).unwrap(), "[=====>     ]  50% 0:03 left");
        for columns in 0..100 {
            assert!(bar(&half, columns).is_none_or(|bar| bar.len() <= columns), "{columns}");
        }
        let over = Progress { time: Duration::from_secs(11), ..half };
        assert!(bar(&over, 40).unwrap().contains("100% 0:00 left"));
        let begun = Progress { time: Duration::ZERO, ..half };
        assert!(bar(&begun, 40).unwrap().ends_with("  0% -:-- left"));
        assert_eq!(bar(&Progress { total: Some(Duration::ZERO), ..begun }, 40), None);
    }
}
