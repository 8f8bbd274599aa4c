//! `brooklet play`: the library's player, with a status line and what may stop it.

use std::thread;
use std::time::{Duration, Instant};

use brooklet::play::{self, Monitor, PlaySpec, PlayStatus, Player};
use brooklet::{Error, Stopper};

use crate::args::Globals;
use crate::console::{self, Console};
use crate::failure::Failure;
use crate::keyboard::Keyboard;
use crate::log::Level;
use crate::signals::Signals;
use crate::{Exit, overwrite, probe};

/// The longest that the end of the player goes unnoticed.
const NAP: Duration = Duration::from_millis(20);

/// Plays to the end, or until a person has had enough. Windows live on the calling thread.
pub(crate) fn run(spec: &PlaySpec, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let stopper = Stopper::new();
    let signals =
        Signals::watch(stopper.clone()).map_err(|reason| Failure::system("can't watch signals", reason))?;
    let keys = globals.stdin && !overwrite::reads_stdin(std::slice::from_ref(&spec.input));
    let keyboard = keys.then(|| Keyboard::watch(stopper.clone())).flatten();
    let exit = || if signals.caught() { Exit::Signal } else { Exit::Done };
    let player = match Player::open(spec, &stopper) {
        Err(Error::Stopped) => return Ok(exit()),
        opened => opened?,
    };
    probe::lines(0, &spec.input.url, player.input()).iter().for_each(|line| console.info(line));
    if keyboard.is_some() {
        console.info("Press [q] to stop");
    }
    let monitor = player.monitor();
    // The library's work is done on other threads, so that this one is the windows' alone.
    let played = play::host(|| {
        let playing = thread::scope(|scope| {
            let playing = scope.spawn(|| player.run());
            while !playing.is_finished() {
                follow(&monitor, globals, console, || playing.is_finished());
            }
            playing.join()
        });
        playing.unwrap_or_else(|_| Err(Error::Usage("the player panicked, which is a bug".into())))
    });
    monitor.warnings().iter().for_each(|warning| console.warning(warning));
    monitor.notes().iter().for_each(|note| console.info(note));
    match played {
        // Whoever closes a window wanted the end.
        Ok(_) | Err(Error::Closed { .. } | Error::Stopped) => {}
        Err(error) => return Err(error.into()),
    }
    if globals.stats.unwrap_or_else(|| console.says(Level::Info)) {
        console.finish_status(&line(&monitor.status()));
    }
    Ok(exit())
}

/// Shows how it fares, until it is done or it is time to look again.
fn follow(monitor: &Monitor, globals: &Globals, console: &Console, done: impl Fn() -> bool) {
    let shown = globals.stats.unwrap_or_else(|| console.is_terminal() && console.says(Level::Info));
    let due = Instant::now() + globals.stats_period;
    while !done() && Instant::now() < due {
        thread::sleep(NAP);
    }
    monitor.warnings().iter().for_each(|warning| console.warning(warning));
    if shown && !done() {
        let mut line = line(&monitor.status());
        let input = monitor.input_status();
        if !input.is_empty() {
            line += &format!(" {input}");
        }
        let columns = if console.is_terminal() { console::columns() } else { None };
        console.status(
            &line.chars().take(columns.map_or(usize::MAX, |columns| columns - 1)).collect::<String>(),
        );
    }
}

/// ffplay's line: `   7.11 A-V: -0.012 fd=   0 aq=   16 vq=  109`, with packets for its kilobytes.
fn line(status: &PlayStatus) -> String {
    let lag = status.lag.map_or_else(|| "    nan".into(), |lag| format!("{lag:7.3}"));
    let mut line = format!("{:7.2} A-V:{lag} fd={:4}", status.time.as_secs_f64(), status.dropped);
    line += &format!(" aq={:5} vq={:5}", status.sound_waiting, status.pictures_waiting);
    if status.underruns > 0 {
        line += &format!(" underruns={}", status.underruns);
    }
    if status.paused {
        line += " (paused)";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ffplays_line() {
        let status =
            PlayStatus { time: Duration::from_millis(7_114), lag: Some(-0.0123), ..PlayStatus::default() };
        assert_eq!(line(&status), "   7.11 A-V: -0.012 fd=   0 aq=    0 vq=    0");
        let before = PlayStatus { paused: true, underruns: 2, ..PlayStatus::default() };
        assert_eq!(line(&before), "   0.00 A-V:    nan fd=   0 aq=    0 vq=    0 underruns=2 (paused)");
    }
}
