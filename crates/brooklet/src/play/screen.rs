//! The window of a player, and what its keys mean.

use std::time::Duration;

use brooklet_media::VideoFrame;

use super::PlaySpec;
use crate::Result;

/// What a person wants.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(not(feature = "window"), expect(dead_code, reason = "wishes come from a window"))]
pub(super) enum Wish {
    /// To end.
    Close,
    /// To hold, or to go on.
    Pause,
    /// To be so many seconds later, or earlier.
    Seek(i64),
    /// To hear so much more, or less, of 1.
    Volume(f32),
}

#[cfg(feature = "window")]
pub(super) use with_window::Screen;
#[cfg(not(feature = "window"))]
pub(super) use without_window::Screen;

#[cfg(feature = "window")]
mod with_window {
    use brooklet_device::window::{Event, Key};
    use brooklet_device::{Window, WindowOptions};

    use super::*;

    /// A window.
    pub(in crate::play) struct Screen {
        window: Window,
    }

    impl Screen {
        /// Opens it for pictures like this one.
        pub(in crate::play) fn open(spec: &PlaySpec, picture: &VideoFrame) -> Result<Self> {
            let shape = crate::play::shape(picture);
            let options = WindowOptions {
                title: spec.title.clone().unwrap_or_else(|| spec.input.url.clone()),
                size: size(spec.size, shape),
                position: spec.position,
                fullscreen: spec.fullscreen,
                borderless: spec.borderless,
            };
            Ok(Self { window: Window::open(&options, shape)? })
        }

        /// Shows a picture, in place of the last.
        pub(in crate::play) fn show(&self, picture: VideoFrame) {
            self.window.show(picture);
        }

        /// What a person wants; waits for it as long as `patience`.
        pub(in crate::play) fn wish(&self, patience: Duration) -> Option<Wish> {
            Some(match self.window.event(patience)? {
                Event::Close => Wish::Close,
                Event::Key(Key::Space | Key::Letter('p')) => Wish::Pause,
                Event::Key(Key::Left) => Wish::Seek(-10),
                Event::Key(Key::Right) => Wish::Seek(10),
                Event::Key(Key::Down) => Wish::Seek(-60),
                Event::Key(Key::Up) => Wish::Seek(60),
                Event::Key(Key::PageDown) => Wish::Seek(-600),
                Event::Key(Key::PageUp) => Wish::Seek(600),
                Event::Key(Key::Letter('9' | '/')) => Wish::Volume(-0.05),
                Event::Key(Key::Letter('0' | '*')) => Wish::Volume(0.05),
                Event::Key(Key::Letter(_)) => return None,
            })
        }
    }

    /// What was asked for; of one side alone the other follows.
    fn size(asked: (Option<u32>, Option<u32>), shape: (u32, u32)) -> Option<(u32, u32)> {
        let follow = |side: u32, own: u32, other: u32| {
            let other = u64::from(side) * u64::from(other) / u64::from(own.max(1));
            u32::try_from(other).unwrap_or(u32::MAX).clamp(1, 16_384)
        };
        match asked {
            (None, None) => None,
            (Some(width), Some(height)) => Some((width, height)),
            (Some(width), None) => Some((width, follow(width, shape.0, shape.1))),
            (None, Some(height)) => Some((follow(height, shape.1, shape.0), height)),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn one_side_follows_from_the_other() {
            assert_eq!(size((Some(320), None), (640, 360)), Some((320, 180)));
            assert_eq!(size((None, Some(720)), (640, 360)), Some((1280, 720)));
            assert_eq!(size((Some(100), Some(100)), (640, 360)), Some((100, 100)));
            assert_eq!(size((None, None), (640, 360)), None);
        }
    }
}

#[cfg(not(feature = "window"))]
mod without_window {
    use super::*;

    /// There is none in this build.
    pub(in crate::play) enum Screen {}

    impl Screen {
        pub(in crate::play) fn open(_: &PlaySpec, _: &VideoFrame) -> Result<Self> {
            let why = "it was built without the feature window".into();
            Err(brooklet_device::Error::NoServer { what: "display", why }.into())
        }

        pub(in crate::play) fn show(&self, _: VideoFrame) {
            match *self {}
        }

        pub(in crate::play) fn wish(&self, _: Duration) -> Option<Wish> {
            match *self {}
        }
    }
}
