//! A job from its start to its end: messages, the status line, and what may stop it.

use std::time::{Duration, Instant};

use brooklet::Stopper;
use brooklet::job::{Listen, Progress, Running};

use crate::args::Globals;
use crate::command::Convert;
use crate::console::{self, Console};
use crate::failure::Failure;
use crate::keyboard::Keyboard;
use crate::log::Level;
use crate::progress::ProgressWriter;
use crate::signals::Signals;
use crate::supervisor::Supervisor;
use crate::version::VERSION;
use crate::{Exit, overwrite, probe, status};

/// The longest that the end of a job goes unnoticed.
const NAP: Duration = Duration::from_millis(20);

/// Runs a job to its end. `greeting` is said once it runs.
pub(crate) fn run(convert: Convert, console: &Console, greeting: Option<&str>) -> Result<Exit, Failure> {
    let Convert { mut job, globals, notes } = convert;
    notes.iter().for_each(|note| console.warning(note));
    overwrite::settle(&mut job, &globals)?;
    let mut progress = ProgressWriter::open(globals.progress.as_deref())?;
    let urls = [
        job.inputs.iter().map(|input| input.url.clone()).collect(),
        job.outputs.iter().map(|output| output.url.clone()).collect(),
    ];

    let stopper = Stopper::new();
    let signals =
        Signals::watch(stopper.clone()).map_err(|reason| Failure::system("can't watch signals", reason))?;
    let keys = globals.stdin && !overwrite::reads_stdin(&job.inputs);
    let keyboard = keys.then(|| Keyboard::watch(stopper.clone())).flatten();
    let listening = job.outputs.iter().filter(|output| output.listen == Listen::One);
    let (broadcasts, others): (Vec<_>, Vec<_>) =
        listening.map(|output| output.url.clone()).partition(|url| url.starts_with("http"));
    others.iter().for_each(|url| console.info(&format!("Waiting for a viewer of {url}")));
    if !broadcasts.is_empty() {
        crate::descriptors::raise();
    }
    let exit = || if signals.caught() { Exit::Signal } else { Exit::Done };

    let running = match job.start(&stopper) {
        Err(brooklet::Error::Stopped) => return Ok(exit()),
        started => started?,
    };
    // Not before: its port may be taken.
    broadcasts.iter().for_each(|url| console.info(&format!("Serving {url} to whoever listens")));
    introduce(&running, &urls, console);
    if let Some(greeting) = greeting {
        console.info(greeting);
    }
    if keyboard.is_some() {
        console.info("Press [q] to stop");
    }

    let last = follow(running, &globals, &urls[1], console, &mut progress)?;
    progress.write(&last, true);
    if globals.stats.unwrap_or_else(|| console.says(Level::Info)) {
        console.finish_status(&status::line(&last, true));
    }
    Ok(exit())
}

/// Shows how far it is until it is done.
fn follow(
    running: Running,
    globals: &Globals,
    urls: &[String],
    console: &Console,
    progress: &mut ProgressWriter,
) -> Result<Progress, Failure> {
    let shown = globals.stats.unwrap_or_else(|| console.is_terminal() && console.says(Level::Info));
    let mut supervisor = Supervisor::find();
    supervisor.started();
    let mut due = Instant::now() + globals.stats_period;
    let mut nap = Duration::from_millis(1);
    let mut outputs = Outputs::new(urls);
    while !running.is_done() {
        std::thread::sleep(nap);
        nap = (nap * 2).min(NAP);
        outputs.tell(&running, console, false);
        running.warnings().iter().for_each(|warning| console.warning(warning));
        running.notes().iter().for_each(|note| console.info(note));
        // However rarely a person wants to hear of it.
        let now = running.progress();
        supervisor.alive(now.bytes + now.time.as_micros() as u64, || status::line(&now, false));
        if Instant::now() < due {
            continue;
        }
        due = Instant::now() + globals.stats_period;
        progress.write(&now, false);
        if shown {
            console.status(&status_line(&now, &running.input_status(), console));
        }
    }
    outputs.tell(&running, console, true);
    running.warnings().iter().for_each(|warning| console.warning(warning));
    running.notes().iter().for_each(|note| console.info(note));
    let last = running.progress();
    supervisor.stopping();
    match running.wait() {
        // Whoever read our output has enough: that is an end like another.
        Err(error) if error.is_closed_pipe() || matches!(error, brooklet::Error::Stopped) => Ok(last),
        ended => Ok(ended?),
    }
}

/// The status line, and a bar where there is a person and room for it; never wider than the terminal.
fn status_line(progress: &Progress, input: &str, console: &Console) -> String {
    let mut line = status::line(progress, false);
    if !input.is_empty() {
        line = format!("{line} {input}");
    }
    let columns = if console.is_terminal() { console::columns() } else { None };
    let Some(room) = columns.map(|columns| columns.saturating_sub(1)) else { return line };
    let bar = room.checked_sub(line.len() + 1).and_then(|room| status::bar(progress, room));
    match bar {
        Some(bar) => format!("{line} {bar}"),
        None => line.chars().take(room).collect(),
    }
}

/// What is read and what goes where, in ffmpeg's manner. `urls` are those of inputs and outputs.
fn introduce(running: &Running, urls: &[Vec<String>; 2], console: &Console) {
    for (number, (input, url)) in running.inputs().iter().zip(&urls[0]).enumerate() {
        probe::lines(number, url, input).iter().for_each(|line| console.info(line));
    }
    if !running.mapping().is_empty() {
        console.info("Stream mapping:");
    }
    running.mapping().iter().for_each(|line| console.info(&format!("  {line}")));
    running.warnings().iter().for_each(|warning| console.warning(warning));
}

/// What is written, told once it is known.
struct Outputs<'a> {
    urls: &'a [String],
    told: Vec<bool>,
}

impl<'a> Outputs<'a> {
    fn new(urls: &'a [String]) -> Self {
        Self { urls, told: vec![false; urls.len()] }
    }

    /// Tells those that have begun; at the `end` all.
    fn tell(&mut self, running: &Running, console: &Console, end: bool) {
        for (number, told) in self.told.iter_mut().enumerate().filter(|(_, told)| !**told) {
            let streams = running.output_streams(number);
            if streams.is_none() && !end {
                continue;
            }
            *told = true;
            let (format, url) = (running.output_formats()[number], &self.urls[number]);
            console.info(&format!("Output #{number}, {format}, to '{url}':"));
            probe::stream_lines(number, streams.unwrap_or_default()).for_each(|line| console.info(&line));
            // Programs that read this in pieces see the streams once more follows.
            console.info("  Metadata:");
            console.info(&format!("    encoder         : brooklet {VERSION}"));
        }
    }
}
