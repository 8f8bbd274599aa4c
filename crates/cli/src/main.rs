//! The program: ffmpeg's grammar over the library.
//!
//! It is arguments in ([`args`]), one [`command::Command`] out, and then mostly the library: [`run`] follows a job
//! and shows how far it is. There is no media logic here.

// A smaller program has fewer verbs; their options are parsed all the same.
#![cfg_attr(
    not(all(feature = "demo", feature = "play", feature = "server")),
    allow(dead_code, unused_imports)
)]

mod args;
mod bench;
mod command;
mod completions;
mod console;
mod demo;
mod descriptors;
mod devices;
mod failure;
mod help;
#[cfg_attr(not(unix), path = "no_keyboard.rs")]
mod keyboard;
mod log;
mod man;
mod overwrite;
#[cfg(feature = "server")]
mod page;
#[cfg(feature = "play")]
mod play;
mod probe;
mod progress;
mod run;
#[cfg(feature = "server")]
mod serve;
mod signals;
mod status;
mod supervisor;
mod tables;
mod version;

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use args::{Globals, UsageError};
use brooklet::job::InputSpec;
use command::{Command, Show};
use console::Console;
use failure::Failure;
use log::Level;

/// How the program ends, other than with an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// All is written.
    Done,
    /// A signal ended it, and what there was is written properly.
    Signal,
    /// A second signal ended it at once.
    Interrupted,
}

impl Exit {
    /// The code for the shell.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Signal => 255,
            Self::Interrupted => 130,
        }
    }
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report_bug));
    #[cfg(feature = "server")]
    brooklet_server::register();
    let command = match args::parse(std::env::args_os().skip(1).collect()) {
        Ok(command) => command,
        Err(error) => return end(&Console::new(Level::Error), Err(error.into())),
    };
    let globals = globals(&command);
    let console = Console::new(globals.level);
    if shows_banner(&command) && !globals.hide_banner {
        console.info(&version::banner());
    }
    let ended = execute(command, &console);
    end(&console, ended)
}

fn execute(command: Command, console: &Console) -> Result<Exit, Failure> {
    match command {
        Command::Convert(convert) => run::run(convert, console, None),
        #[cfg(feature = "demo")]
        Command::Demo { options, globals } => {
            let mut convert = demo::conversion(&options, globals);
            let greeting = demo::how_to_watch(&options) + &demo::show(&options, &mut convert, console)?;
            run::run(convert, console, Some(&greeting))
        }
        #[cfg(feature = "play")]
        Command::Play { spec, globals } => play::run(&spec, &globals, console),
        #[cfg(feature = "server")]
        Command::Serve { options, globals } => serve::run(*options, &globals, console),
        // What this program lacks was refused with its arguments.
        #[cfg(not(feature = "demo"))]
        Command::Demo { .. } => Err(UsageError::Nothing.into()),
        #[cfg(not(feature = "play"))]
        Command::Play { .. } => Err(UsageError::Nothing.into()),
        #[cfg(not(feature = "server"))]
        Command::Serve { .. } => Err(UsageError::Nothing.into()),
        Command::Bench { .. } => bench::run(),
        Command::Describe { inputs, .. } => describe(&inputs, console),
        Command::Probe { input, json, .. } => {
            let probed = brooklet::probe(&input)?;
            print(&if json {
                probe::to_json(&input.url, &probed)
            } else {
                probe::lines(0, &input.url, &probed).join("\n") + "\n"
            })
        }
        Command::Show { show: Show::Help, topic } => print(&help::text(topic.as_deref())?),
        Command::Show { show: Show::Version, .. } => print(&version::text()),
        Command::Show { show: Show::Table(table), .. } => print(&tables::text(table)),
        Command::Show { show: Show::Sources, topic } => print(&devices::sources(topic.as_deref())?),
        Command::Show { show: Show::Sinks, topic } => print(&devices::sinks(topic.as_deref())?),
        Command::Devices => print(&devices::text()),
        Command::Completions(shell) => print(&completions::script(shell)),
        Command::Man => print(&man::page()),
    }
}

/// What ffmpeg does with inputs and no output: scripts read what it says of them.
fn describe(inputs: &[InputSpec], console: &Console) -> Result<Exit, Failure> {
    for (number, input) in inputs.iter().enumerate() {
        let probed = brooklet::probe(input)?;
        probe::lines(number, &input.url, &probed).iter().for_each(|line| console.info(line));
    }
    Err(UsageError::NoOutput.into())
}

fn print(text: &str) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|reason| Failure::system("stdout", reason))
}

/// The exit code, and the one line where something failed.
fn end(console: &Console, ended: Result<Exit, Failure>) -> ExitCode {
    match ended {
        Ok(exit) => exit.code().into(),
        Err(failure) if failure.is_closed_pipe() => Exit::Done.code().into(),
        Err(failure) => {
            console.error(&failure.line());
            ExitCode::FAILURE
        }
    }
}

/// A panic is a bug of ours, unless a codec catches it: one line that helps to find it, as of any other failure.
fn report_bug(panic: &PanicHookInfo<'_>) {
    if brooklet_codec::panics_are_caught() {
        return;
    }
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("no reason given").replace('\n', " ");
    Console::new(Level::Error).error(&format!("a bug in brooklet{place}: {what}; please report it"));
}

fn globals(command: &Command) -> Globals {
    match command {
        Command::Convert(convert) => convert.globals.clone(),
        Command::Describe { globals, .. }
        | Command::Probe { globals, .. }
        | Command::Play { globals, .. }
        | Command::Demo { globals, .. }
        | Command::Bench { globals }
        | Command::Serve { globals, .. } => globals.clone(),
        Command::Show { .. } | Command::Devices | Command::Completions(_) | Command::Man => {
            Globals::default()
        }
    }
}

fn shows_banner(command: &Command) -> bool {
    matches!(
        command,
        Command::Convert(_)
            | Command::Describe { .. }
            | Command::Play { .. }
            | Command::Demo { .. }
            | Command::Serve { .. }
    )
}
