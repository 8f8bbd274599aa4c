//! `q` finishes the output properly: on a terminal, or from a pipe, as scripts that started `ffmpeg` say it.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use brooklet::Stopper;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// How the terminal was before keys were read one by one.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Reads keys while it lives; the terminal is as it was when it is dropped.
pub(crate) struct Keyboard;

impl Keyboard {
    /// Nothing where stdin is neither a terminal nor a pipe, or this program is in the background of its terminal. A file is not read:
    /// it is somebody else's.
    pub(crate) fn watch(stopper: Stopper) -> Option<Self> {
        let stdin = io::stdin();
        let is_pipe = fstat(&stdin).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
        if is_pipe {
            start(move || read_pipe(&stopper))?;
            return Some(Self);
        }
        // A background program that changes the terminal is stopped by it (SIGTTOU).
        let foreground = rustix::termios::tcgetpgrp(&stdin).ok() == Some(rustix::process::getpgrp());
        if !stdin.is_terminal() || !foreground {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut keys = before.clone();
        keys.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        keys.special_codes[SpecialCodeIndex::VMIN] = 1;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let keyboard = Self;
        tcsetattr(&stdin, OptionalActions::Now, &keys).ok()?;
        start(move || read(&stopper))?;
        Some(keyboard)
    }
}

/// Watches on a thread of its own.
fn start(watch: impl FnOnce() + Send + 'static) -> Option<()> {
    std::thread::Builder::new().name("keyboard".into()).spawn(watch).ok().map(drop)
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was.
pub(crate) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// Ends with `q`, or with the pipe.
fn read_pipe(stopper: &Stopper) {
    let mut key = [0];
    loop {
        match rustix::io::read(io::stdin(), &mut key) {
            Ok(1) if matches!(key, [b'q' | b'Q']) => return stopper.stop(),
            Ok(1) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Ends with `q`, with the terminal, or once the terminal was given back.
fn read(stopper: &Stopper) {
    let stdin = io::stdin();
    let nap = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while BEFORE.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut waiting, Some(&nap)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        let mut key = [0];
        match rustix::io::read(&stdin, &mut key) {
            Ok(1) if matches!(key, [b'q' | b'Q']) => return stopper.stop(),
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
