//! A screen of a test's own: Xvfb, photographs of its windows, and keys.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::peers;

/// How long anything on a screen may take: generous, only against hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// An X server without a window manager; it ends when this is dropped.
pub struct Display {
    server: Child,
    name: String,
}

/// A window on it.
pub struct Window<'a> {
    display: &'a Display,
    id: String,
}

/// What stands in a window: rows of red, green and blue bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The bytes.
    pub rgb: Vec<u8>,
}

impl Display {
    /// One of 1280x1024 pixels under a number that is free; `None` where a program that it needs is missing.
    pub fn start() -> Option<Self> {
        peers::xdotool()?;
        peers::xwd()?;
        let mut server = peers::xvfb()?;
        // It is not to begin anew whenever its last client leaves, and lose who comes at that moment.
        server.args(["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-noreset"]);
        let server = server.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut server = server.expect("Xvfb");
        let mut said = String::new();
        let output = server.stdout.take().expect("its output");
        // It says its number once it can be used.
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut said).expect("a number");
        Some(Self { server, name: format!(":{}", said.trim()) })
    }

    /// What a program needs to find it.
    pub fn environment(&self) -> [(&'static str, &str); 1] {
        [("DISPLAY", &self.name)]
    }

    /// The window with this title, once it is there.
    #[track_caller]
    pub fn window(&self, title: &str) -> Window<'_> {
        let id = wait_for(&format!("a window '{title}'"), || {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", &format!("^{title}$")]);
            found.lines().last().map(str::to_owned)
        });
        Window { display: self, id }
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let output =
            Command::new("xdotool").args(arguments).envs(self.environment()).output().expect("xdotool");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Window<'_> {
    /// The display that it is on, as `$DISPLAY` has it.
    pub fn display_name(&self) -> &str {
        &self.display.name
    }

    /// By which the display knows it.
    pub fn number(&self) -> u32 {
        self.id.parse().expect("the number of a window")
    }

    /// What stands in it now; `None` while it is on its way.
    pub fn photograph(&self) -> Option<Photo> {
        let mut xwd = Command::new("xwd");
        xwd.args(["-silent", "-id", &self.id]).envs(self.display.environment());
        read_xwd(&xwd.output().expect("xwd").stdout)
    }

    /// The first photograph that is as it should be.
    #[track_caller]
    pub fn photograph_when(&self, what: &str, mut is_right: impl FnMut(&Photo) -> bool) -> Photo {
        wait_for(what, || self.photograph().filter(|photo| is_right(photo)))
    }

    /// One that is the same after a while: what it shows stands.
    #[track_caller]
    pub fn still(&self) -> Photo {
        wait_for("a picture that stands", || {
            let before = self.photograph()?;
            thread::sleep(Duration::from_millis(600));
            self.photograph().filter(|after| *after == before)
        })
    }

    /// Presses a key, by X's name for it, with the focus on this window.
    pub fn press(&self, key: &str) {
        self.display.xdotool(&["windowfocus", "--sync", &self.id]);
        self.display.xdotool(&["key", key]);
    }

    /// Makes its inside this large.
    pub fn resize(&self, width: usize, height: usize) {
        self.display.xdotool(&["windowsize", &self.id, &width.to_string(), &height.to_string()]);
    }
}

impl Photo {
    /// A part of it.
    pub fn part(&self, left: usize, top: usize, width: usize, height: usize) -> Vec<u8> {
        let rows = self.rgb.chunks_exact(self.width * 3).skip(top).take(height);
        rows.flat_map(|row| row[left * 3..(left + width) * 3].iter().copied()).collect()
    }
}

/// Reads what `xwd` writes of a window of 24 bits in 32: X11/XWDFile.h.
fn read_xwd(bytes: &[u8]) -> Option<Photo> {
    let field = |number: usize| {
        let bytes = bytes.get(number * 4..number * 4 + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?) as usize)
    };
    let (header, width, height, stride, colors) = (field(0)?, field(4)?, field(5)?, field(12)?, field(19)?);
    assert_eq!((field(7)?, field(11)?), (0, 32), "byte order and bits of a pixel");
    let pixels = bytes.get(header + colors * 12..)?;
    let rows = pixels.chunks_exact(stride).take(height);
    let rgb: Vec<u8> = rows
        .flat_map(|row| row[..width * 4].as_chunks::<4>().0.iter().flat_map(|[b, g, r, _]| [*r, *g, *b]))
        .collect();
    (rgb.len() == width * height * 3).then_some(Photo { width, height, rgb })
}

#[track_caller]
fn wait_for<T>(what: &str, mut come: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(come) = come() {
            return come;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        thread::sleep(Duration::from_millis(50));
    }
}
