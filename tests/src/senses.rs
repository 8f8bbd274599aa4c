//! Eyes and ears with a watch: when a window flashes and when a speaker beeps, by this machine's clock.
//!
//! Both say what they can be off by. A flash came between the last look at the dark window and the first at the bright one.
//! Sound is handed on by the server 10 ms at a time; what came with the least delay says when the recording began, and that
//! delay, of up to two such pieces, is all that it is off by.

use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat};

use crate::display::Window;
use crate::sound_server::{RATE, SoundServer};

/// From one look at a window to the next.
const GLANCE: Duration = Duration::from_millis(1);
/// What a beep is off by, seconds.
pub const EAR: f64 = 0.020;

/// When something began.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seconds from the epoch that was given.
    pub at: f64,
    /// By how much that may be wrong, both ways.
    pub error: f64,
}

/// Watches the middle of a window.
pub struct Eyes {
    enough: Arc<AtomicBool>,
    watching: JoinHandle<Vec<Moment>>,
}

impl Eyes {
    /// Opens them.
    pub fn on(window: &Window<'_>, epoch: Instant) -> Self {
        let (display, id) = (window.display_name().to_owned(), window.number());
        let enough = Arc::new(AtomicBool::new(false));
        let told = enough.clone();
        Self { enough, watching: thread::spawn(move || watch(&display, id, epoch, &told)) }
    }

    /// Closes them, and tells when the window became bright.
    pub fn close(self) -> Vec<Moment> {
        self.enough.store(true, Ordering::Relaxed);
        self.watching.join().expect("a watch")
    }
}

fn watch(display: &str, id: u32, epoch: Instant, enough: &AtomicBool) -> Vec<Moment> {
    let (connection, _) = x11rb::connect(Some(display)).expect("the display");
    let shape = connection.get_geometry(id).expect("a window").reply().expect("its shape");
    let middle = ((shape.width / 2) as i16, (shape.height / 2) as i16);
    let is_bright = || {
        let format = ImageFormat::Z_PIXMAP;
        let pixel =
            connection.get_image(format, id, middle.0, middle.1, 1, 1, u32::MAX).ok()?.reply().ok()?;
        Some(pixel.data.first().is_some_and(|blue| *blue > 128))
    };
    let (mut flashes, mut before, mut dark) = (Vec::new(), epoch, false);
    while !enough.load(Ordering::Relaxed) {
        let start = Instant::now();
        // The window may be gone before this is told so.
        let Some(bright) = is_bright() else { break };
        if bright && dark {
            let (from, to) = ((before - epoch).as_secs_f64(), epoch.elapsed().as_secs_f64());
            flashes.push(Moment { at: (from + to) / 2.0, error: (to - from) / 2.0 });
        }
        (before, dark) = (start, !bright);
        thread::sleep(GLANCE);
    }
    drop(connection.flush());
    flashes
}

/// Listens to what a speaker plays.
pub struct Ears {
    parec: Child,
    listening: JoinHandle<Vec<Moment>>,
}

impl Ears {
    /// Opens them.
    pub fn at(server: &SoundServer, epoch: Instant) -> Self {
        let mut parec = server.tool("parec");
        parec.args(["-d", "vout.monitor", "--latency-msec=10", "--process-time-msec=5"]);
        parec.args(["--format=s16le", "--rate=48000", "--channels=1"]);
        let mut parec = parec.stdout(Stdio::piped()).spawn().expect("parec");
        let mut heard = parec.stdout.take().expect("its output");
        let listening = thread::spawn(move || {
            let (mut samples, mut start, mut piece) = (Vec::new(), f64::INFINITY, [0; 4_096]);
            let mut odd = None;
            while let Ok(length @ 1..) = heard.read(&mut piece) {
                let now = epoch.elapsed().as_secs_f64();
                for byte in &piece[..length] {
                    match odd.take() {
                        None => odd = Some(*byte),
                        Some(low) => samples.push(i16::from_le_bytes([low, *byte])),
                    }
                }
                // Of all pieces, the one that came soonest after it was captured.
                start = f64::min(start, now - samples.len() as f64 / f64::from(RATE));
            }
            beeps(&samples).map(|at| Moment { at: start + at, error: EAR }).collect()
        });
        Self { parec, listening }
    }

    /// Closes them, and tells when it began to beep.
    pub fn close(mut self) -> Vec<Moment> {
        let _ = self.parec.kill();
        let _ = self.parec.wait();
        self.listening.join().expect("a recording")
    }
}

/// Where it is loud after half a second in which it was not, in seconds.
fn beeps(samples: &[i16]) -> impl Iterator<Item = f64> {
    let mut last = None;
    let loud = samples.iter().enumerate().filter(|(_, sample)| sample.unsigned_abs() > 3_000);
    loud.filter_map(move |(number, _)| {
        let since = last.replace(number).map_or(usize::MAX, |last| number - last);
        (since > RATE as usize / 2).then(|| number as f64 / f64::from(RATE))
    })
}
