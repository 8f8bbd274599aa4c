//! Showing pictures.
//!
//! | file | holds |
//! |---|---|
//! | `screen` | the one event loop of the process, and the thread that it lives on |
//! | `pane` | one window as the event loop has it: when it is painted, and what its keys mean |
//! | `paint` | a picture into the pixels of a window |

mod paint;
mod pane;
mod screen;

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use brooklet_media::VideoFrame;

use crate::Result;
use screen::{Command, Screen};

pub use screen::host;

/// What a window is to be like.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WindowOptions {
    /// What stands over it.
    pub title: String,
    /// Pixels of its inside; the first picture's size where none is given, and never more than the screen has.
    pub size: Option<(u32, u32)>,
    /// Where its upper left corner stands on the screen; left to the window manager where none is given.
    pub position: Option<(i32, i32)>,
    /// Over the whole screen.
    pub fullscreen: bool,
    /// Without a frame and a title.
    pub borderless: bool,
}

/// What a person does in a window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Has had enough: closed it, or pressed Q or Esc.
    Close,
    /// Pressed a key; held down, it comes again and again.
    Key(Key),
}

/// Keys that mean something to a player. F, which fills the screen with the window or ends that, is the window's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Key {
    /// The space bar.
    Space,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A key that makes a letter, a digit or a sign, in small letters.
    Letter(char),
}

/// A window. Dropping it closes it.
///
/// It has one place for a picture: the newest. It is painted when it is new or the window has changed, at most 60 times
/// in a second, scaled to the window without a change of its shape; one that is replaced before its turn is counted.
pub struct Window {
    number: u64,
    shared: Arc<Shared>,
    events: Receiver<Event>,
    screen: Screen,
}

/// What a window and whoever fills it share.
#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    picture: Option<VideoFrame>,
    /// The event loop was told that there is something in here.
    told: bool,
    shown: u64,
    dropped: u64,
}

impl Window {
    /// Opens a window, black until the first [`Window::show`]. `shape` is the size of the pictures that will come, for
    /// square pixels. Blocks until it is there.
    ///
    /// # Errors
    ///
    /// [`crate::Error::NoServer`] where there is no display, [`crate::Error::Device`] where it refuses.
    pub fn open(options: &WindowOptions, shape: (u32, u32)) -> Result<Self> {
        let screen = Screen::connect()?;
        let shared: Arc<Shared> = Arc::default();
        let (number, events) = screen.open(options, shape, &shared)?;
        Ok(Self { number, shared, events, screen })
    }

    /// Shows a picture of any format as soon as it may, in place of whatever is there. Never blocks.
    pub fn show(&self, picture: VideoFrame) {
        let mut slot = self.shared.lock();
        slot.dropped += u64::from(slot.picture.replace(picture).is_some());
        if !std::mem::replace(&mut slot.told, true) {
            drop(slot);
            self.screen.send(Command::Look(self.number));
        }
    }

    /// Changes what stands over it.
    pub fn set_title(&self, title: &str) {
        self.screen.send(Command::Title(self.number, title.into()));
    }

    /// What a person did, in order; waits for it as long as `patience`.
    pub fn event(&self, patience: Duration) -> Option<Event> {
        match self.events.recv_timeout(patience) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            // The event loop is gone, and the window with it.
            Err(RecvTimeoutError::Disconnected) => Some(Event::Close),
        }
    }

    /// How many pictures were painted; one that is painted anew, because the window changed, counts once.
    pub fn shown(&self) -> u64 {
        self.shared.lock().shown
    }

    /// How many pictures were replaced before they were painted.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.screen.send(Command::Close(self.number));
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
