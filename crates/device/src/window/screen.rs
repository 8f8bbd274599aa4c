//! The one event loop of the process, and the thread that it lives on.
//!
//! Systems give a process one connection to the screen, and macOS gives it to the main thread alone. So there is one
//! loop for all windows: on the thread that called [`host`], or, where nobody did, on one of its own.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use winit::application::ApplicationHandler;
use winit::error::EventLoopError;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::WindowId;

use super::pane::Pane;
use super::{Event, Shared, WindowOptions};
use crate::{Error, Result};

/// What the event loop is asked for.
pub(super) enum Command {
    /// A window, by its number.
    Open(Box<Opening>),
    /// There is a picture for it.
    Look(u64),
    /// What stands over it.
    Title(u64, String),
    /// It is to go.
    Close(u64),
    /// The loop is to end.
    Leave,
}

/// A window to be.
pub(super) struct Opening {
    pub(super) number: u64,
    pub(super) options: WindowOptions,
    pub(super) shape: (u32, u32),
    pub(super) shared: Arc<Shared>,
    pub(super) events: Sender<Event>,
    reply: Sender<Result<()>>,
}

/// The way to the event loop. Cloning shares it.
#[derive(Clone)]
pub(super) struct Screen {
    proxy: EventLoopProxy<Command>,
}

/// The loop, once there is one, or why there is none: a process gets no second try.
static SCREEN: OnceLock<std::result::Result<Screen, String>> = OnceLock::new();

/// Lends the calling thread to windows while `work` runs on another, and returns what came of it. On macOS a window needs
/// this, on the main thread; elsewhere it spares a thread. Without a display, `work` runs all the same, and a window that
/// it opens is the error.
///
/// It can be called once in a process; after that `work` runs in the calling thread.
pub fn host<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut built = None;
    SCREEN.get_or_init(|| {
        let event_loop = build()?;
        let proxy = event_loop.create_proxy();
        built = Some(event_loop);
        Ok(Screen { proxy })
    });
    let Some(event_loop) = built else { return work() };
    let proxy = event_loop.create_proxy();
    let outcome: Mutex<Option<thread::Result<T>>> = Mutex::new(None);
    thread::scope(|scope| {
        let spawned = thread::Builder::new().name("hosted".into()).spawn_scoped(scope, || {
            let done = catch_unwind(AssertUnwindSafe(work));
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            // The loop may have ended by itself.
            let _ = proxy.send_event(Command::Leave);
        });
        if spawned.is_ok() {
            let _ = event_loop.run_app(&mut App::default());
        }
    });
    let done = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failed: Box<dyn Any + Send> = Box::new("no thread could be started");
    done.unwrap_or(Err(failed)).unwrap_or_else(|panic| resume_unwind(panic))
}

impl Screen {
    /// The loop that there is, or one on a thread of its own.
    pub(super) fn connect() -> Result<Self> {
        let screen = SCREEN.get_or_init(start);
        screen.clone().map_err(|why| Error::NoServer { what: "display", why })
    }

    /// Opens a window; blocks until it is there.
    pub(super) fn open(
        &self,
        options: &WindowOptions,
        shape: (u32, u32),
        shared: &Arc<Shared>,
    ) -> Result<(u64, Receiver<Event>)> {
        static NUMBERS: Mutex<u64> = Mutex::new(0);
        let number = {
            let mut last = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
            *last += 1;
            *last
        };
        let (events, received) = channel();
        let (reply, answer) = channel();
        let (options, shared) = (options.clone(), shared.clone());
        let title = options.title.clone();
        self.send(Command::Open(Box::new(Opening { number, options, shape, shared, events, reply })));
        // No answer: the loop ended before it came to this.
        answer.recv().unwrap_or(Err(Error::Gone { device: title }))?;
        Ok((number, received))
    }

    /// Asks for something; a loop that has ended is asked for nothing.
    pub(super) fn send(&self, command: Command) {
        let _ = self.proxy.send_event(command);
    }
}

/// An event loop on a thread of its own.
fn start() -> std::result::Result<Screen, String> {
    if cfg!(target_os = "macos") {
        return Err("a window lives on the main thread of a program; `brooklet play` gives it that".into());
    }
    let (sender, built) = channel();
    let run = move || match build() {
        Ok(event_loop) => {
            let _ = sender.send(Ok(Screen { proxy: event_loop.create_proxy() }));
            let _ = event_loop.run_app(&mut App::default());
        }
        Err(why) => {
            let _ = sender.send(Err(why));
        }
    };
    let spawned = thread::Builder::new().name("windows".into()).spawn(run);
    spawned.map_err(|error| format!("cannot start a thread: {error}"))?;
    built.recv().unwrap_or_else(|_| Err("the event loop did not start".into()))
}

fn build() -> std::result::Result<EventLoop<Command>, String> {
    let mut builder = EventLoop::with_user_event();
    #[cfg(target_os = "linux")]
    {
        use winit::platform::x11::EventLoopBuilderExtX11;
        if std::env::var_os("DISPLAY").is_none_or(|display| display.is_empty()) {
            return Err("$DISPLAY is not set (a window needs X11, or XWayland)".into());
        }
        builder.with_x11().with_any_thread(true);
    }
    #[cfg(target_os = "windows")]
    {
        use winit::platform::windows::EventLoopBuilderExtWindows;
        builder.with_any_thread(true);
    }
    builder.build().map_err(|error| match (error, std::env::var("DISPLAY")) {
        // Its own words name a line of its source.
        (EventLoopError::Os(_), Ok(display)) => format!("{display} can't be reached (see $DISPLAY)"),
        (error, _) => error.to_string(),
    })
}

/// All windows, as the event loop has them.
#[derive(Default)]
struct App {
    panes: Vec<Pane>,
}

impl ApplicationHandler<Command> for App {
    fn resumed(&mut self, _: &ActiveEventLoop) {}

    fn user_event(&mut self, event_loop: &ActiveEventLoop, command: Command) {
        match command {
            Command::Open(opening) => self.open(event_loop, *opening),
            Command::Look(number) => self.pane(number, Pane::look),
            Command::Title(number, title) => self.pane(number, |pane| pane.set_title(&title)),
            Command::Close(number) => self.panes.retain(|pane| pane.number() != number),
            Command::Leave => event_loop.exit(),
        }
    }

    fn window_event(&mut self, _: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(pane) = self.panes.iter_mut().find(|pane| pane.id() == id) {
            pane.handle(event);
        }
    }

    /// Everything that has happened was seen: now it is painted what is due.
    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let now = Instant::now();
        let next = self.panes.iter_mut().filter_map(|pane| pane.paint_if_due(now)).min();
        event_loop.set_control_flow(next.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }
}

impl App {
    fn open(&mut self, event_loop: &ActiveEventLoop, opening: Opening) {
        let reply = opening.reply.clone();
        let title = opening.options.title.clone();
        let opened = Pane::open(event_loop, opening).map(|pane| self.panes.push(pane));
        let _ = reply.send(opened.map_err(|why| Error::Device {
            device: title,
            what: "cannot open a window",
            source: io::Error::other(why),
        }));
    }

    fn pane(&mut self, number: u64, tell: impl FnOnce(&mut Pane)) {
        if let Some(pane) = self.panes.iter_mut().find(|pane| pane.number() == number) {
            tell(pane);
        }
    }
}
