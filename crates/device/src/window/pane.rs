//! One window as the event loop has it: when it is painted, and what its keys mean.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use brooklet_media::VideoFrame;
use softbuffer::{Context, Surface};
use winit::dpi::{PhysicalPosition, PhysicalSize};
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::event_loop::ActiveEventLoop;
use winit::keyboard::{Key as Pressed, NamedKey};
use winit::window::{Fullscreen, Window, WindowId};

use super::paint::Painter;
use super::screen::Opening;
use super::{Event, Key, Shared};

/// From one painting to the next: 60 in a second, which screens show, whatever the pictures' rate.
const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// A window and what is in it.
pub(super) struct Pane {
    number: u64,
    window: Rc<Window>,
    surface: Surface<Rc<Window>, Rc<Window>>,
    painter: Painter,
    shared: Arc<Shared>,
    events: Sender<Event>,
    /// What it shows.
    picture: Option<VideoFrame>,
    /// What it shows is not yet on the screen, or not any more.
    stale: bool,
    /// The picture was not painted before.
    is_new: bool,
    hidden: bool,
    /// The earliest moment for the next painting.
    next: Option<Instant>,
}

impl Pane {
    /// Opens a window; the error is the system's words.
    pub(super) fn open(event_loop: &ActiveEventLoop, opening: Opening) -> Result<Self, String> {
        let Opening { number, options, shape, shared, events, .. } = opening;
        let monitor = event_loop.primary_monitor().or_else(|| event_loop.available_monitors().next());
        let screen = monitor.map(|monitor| monitor.size()).filter(|size| size.width > 0 && size.height > 0);
        let mut size = options.size.unwrap_or(shape);
        if let Some(screen) = screen {
            size = if options.fullscreen {
                (screen.width, screen.height)
            } else {
                within(size, (screen.width, screen.height))
            };
        }
        let position = if options.fullscreen { Some((0, 0)) } else { options.position };
        let mut attributes = Window::default_attributes()
            .with_title(options.title.replace('\0', " "))
            .with_inner_size(PhysicalSize::new(size.0.max(1), size.1.max(1)))
            // Where there is no window manager to fill the screen, the size and the missing frame do.
            .with_decorations(!options.borderless && !options.fullscreen)
            .with_fullscreen(options.fullscreen.then_some(Fullscreen::Borderless(None)));
        if let Some((x, y)) = position {
            attributes = attributes.with_position(PhysicalPosition::new(x, y));
        }
        let window = event_loop.create_window(attributes).map_err(|error| error.to_string())?;
        window.set_cursor_visible(!options.fullscreen);
        let window = Rc::new(window);
        let context = Context::new(window.clone()).map_err(|error| error.to_string())?;
        let surface = Surface::new(&context, window.clone()).map_err(|error| error.to_string())?;
        Ok(Self {
            number,
            window,
            surface,
            painter: Painter::new(),
            shared,
            events,
            picture: None,
            stale: true,
            is_new: false,
            hidden: false,
            next: None,
        })
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn id(&self) -> WindowId {
        self.window.id()
    }

    pub(super) fn set_title(&self, title: &str) {
        self.window.set_title(&title.replace('\0', " "));
    }

    /// There may be a picture.
    pub(super) fn look(&mut self) {
        self.stale = true;
    }

    /// Something happened to it.
    pub(super) fn handle(&mut self, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => self.tell(Event::Close),
            WindowEvent::Resized(_) | WindowEvent::RedrawRequested => self.stale = true,
            WindowEvent::Occluded(hidden) => {
                self.hidden = hidden;
                self.stale = true;
            }
            WindowEvent::KeyboardInput { event, is_synthetic: false, .. } => self.press(&event),
            _ => {}
        }
    }

    /// Paints what is not on the screen, if it may now; when it may, where it may not yet.
    pub(super) fn paint_if_due(&mut self, now: Instant) -> Option<Instant> {
        if !self.stale || self.hidden {
            return None;
        }
        if let Some(next) = self.next.filter(|next| *next > now) {
            return Some(next);
        }
        // A picture that comes a little late takes nothing from the next one's turn.
        self.next = Some(self.next.map_or(now, |next| next.max(now - INTERVAL)) + INTERVAL);
        self.take_picture();
        self.stale = false;
        // A window that is going, or that the system gives no pixels, shows nothing.
        let painted = self.paint().is_ok();
        if std::mem::take(&mut self.is_new) && painted {
            self.shared.lock().shown += 1;
        }
        None
    }

    fn take_picture(&mut self) {
        let mut slot = self.shared.lock();
        slot.told = false;
        if let Some(picture) = slot.picture.take() {
            self.picture = Some(picture);
            self.is_new = true;
        }
    }

    fn paint(&mut self) -> Result<(), softbuffer::SoftBufferError> {
        let size = self.window.inner_size();
        let (Some(width), Some(height)) = (NonZeroU32::new(size.width), NonZeroU32::new(size.height)) else {
            return Ok(());
        };
        self.surface.resize(width, height)?;
        let mut pixels = self.surface.buffer_mut()?;
        self.painter.paint(self.picture.as_ref(), &mut pixels, (size.width, size.height));
        self.window.pre_present_notify();
        pixels.present()
    }

    fn press(&mut self, event: &KeyEvent) {
        if event.state != ElementState::Pressed {
            return;
        }
        let key = match &event.logical_key {
            Pressed::Named(NamedKey::Escape) => return self.tell(Event::Close),
            Pressed::Named(NamedKey::Space) => Key::Space,
            Pressed::Named(NamedKey::ArrowLeft) => Key::Left,
            Pressed::Named(NamedKey::ArrowRight) => Key::Right,
            Pressed::Named(NamedKey::ArrowUp) => Key::Up,
            Pressed::Named(NamedKey::ArrowDown) => Key::Down,
            Pressed::Named(NamedKey::PageUp) => Key::PageUp,
            Pressed::Named(NamedKey::PageDown) => Key::PageDown,
            Pressed::Character(text) => match text.to_lowercase().chars().next() {
                Some('q') => return self.tell(Event::Close),
                Some('f') => return self.toggle_fullscreen(),
                Some(letter) => Key::Letter(letter),
                None => return,
            },
            _ => return,
        };
        self.tell(Event::Key(key));
    }

    fn toggle_fullscreen(&self) {
        let fills = self.window.fullscreen().is_none();
        self.window.set_fullscreen(fills.then_some(Fullscreen::Borderless(None)));
        self.window.set_cursor_visible(!fills);
    }

    /// Nobody listens where the window is about to be closed.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// `size` in its own shape, made no larger than `most`.
fn within(size: (u32, u32), most: (u32, u32)) -> (u32, u32) {
    if size.0 <= most.0 && size.1 <= most.1 {
        return size;
    }
    super::paint::fit((u64::from(size.0), u64::from(size.1)), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_is_larger_than_its_screen() {
        assert_eq!(within((640, 360), (1280, 1024)), (640, 360));
        assert_eq!(within((3840, 2160), (1280, 1024)), (1280, 720));
        assert_eq!(within((1080, 1920), (1280, 1024)), (576, 1024));
    }
}
