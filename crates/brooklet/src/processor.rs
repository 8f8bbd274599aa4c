//! Your code on each picture and on the sound of a live session: camera in, picture back.
//!
//! | file | holds |
//! |---|---|
//! | `picture` | a picture as it comes, in the pixel format that you ask for |
//! | `settings` | what may be set while it runs, declared here and drawn by a page |
//! | `task` | a processor by name, with its settings and its factory |
//! | `own` | the ones that are built in |
//!
//! A [`Task`] makes one [`Processor`] for each session. It runs on a thread of its own and always gets the newest picture:
//! what came while it was busy is dropped, and counted. [`crate::webrtc::Gateway::with_tasks`] offers tasks to browsers.
//!
//! ```
//! use brooklet::media::VideoFrame;
//! use brooklet::processor::{Failure, Picture, Processor, Setting, Settings, Task};
//!
//! /// Everything brighter than a threshold is white.
//! struct Threshold(Settings);
//!
//! impl Processor for Threshold {
//!     fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
//!         let threshold = self.0.number("threshold") as u8;
//!         let mut frame = picture.gray()?;
//!         frame.planes_mut()[0].iter_mut().for_each(|luma| *luma = if *luma > threshold { 255 } else { 0 });
//!         Ok(frame)
//!     }
//! }
//!
//! let task = Task::new("threshold", "Threshold", |settings| Box::new(Threshold(settings.clone())))
//!     .with(Setting::slider("threshold", "Threshold", 0.0..=255.0, 1.0, 128.0));
//! assert_eq!(task.settings().len(), 1);
//! ```

mod own;
mod picture;
mod settings;
mod task;

use brooklet_media::{AudioFrame, VideoFrame};

pub use own::built_in;
pub(crate) use picture::Converters;
pub use picture::Picture;
pub use settings::{Control, Setting, Settings};
pub use task::Task;

/// Why a processor can't go on; it ends the session, whose page shows it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is done to the pictures of one session, on a thread of its own.
pub trait Processor: Send {
    /// Takes the newest picture and gives one back, of any pixel format; its time is that of the one that was taken. An odd
    /// width or height is made even by a scaler. It may take as long as it likes: what comes meanwhile is dropped.
    ///
    /// # Errors
    ///
    /// Where it can't go on. An error, like a panic, ends this session and no other.
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure>;
}

/// What is done to the sound of one session, on a thread of its own.
pub trait SoundProcessor: Send {
    /// Takes some 20 ms of sound, 48 kHz stereo as `flt`, and gives sound back, as much or none, of any shape. It has to keep up:
    /// when more than a second waits, the oldest is dropped, and counted.
    ///
    /// # Errors
    ///
    /// Where it can't go on. An error, like a panic, ends this session and no other.
    fn sound(&mut self, sound: AudioFrame) -> Result<AudioFrame, Failure>;
}
