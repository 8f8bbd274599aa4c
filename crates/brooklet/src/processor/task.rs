//! A processor by name.

use std::sync::Arc;

use super::{Processor, Setting, Settings, SoundProcessor};

type Make<T> = Arc<dyn Fn(&Settings) -> Box<T> + Send + Sync>;

/// A kind of processor that sessions may choose: its names, its settings, and the factory that makes one for each session.
#[derive(Clone)]
pub struct Task {
    name: &'static str,
    title: &'static str,
    settings: Vec<Setting>,
    make: Make<dyn Processor>,
    make_sound: Option<Make<dyn SoundProcessor>>,
}

impl Task {
    /// One called `name` in requests and `title` by people. `make` is called on the thread where the processor will run, for each session
    /// that chooses it; what it is handed are that session's settings.
    pub fn new(
        name: &'static str,
        title: &'static str,
        make: impl Fn(&Settings) -> Box<dyn Processor> + Send + Sync + 'static,
    ) -> Self {
        Self { name, title, settings: Vec::new(), make: Arc::new(make), make_sound: None }
    }

    /// Adds something that may be set.
    #[must_use]
    pub fn with(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// Does something to the sound too, which else goes back as it came, without being decoded.
    #[must_use]
    pub fn with_sound(
        mut self,
        make: impl Fn(&Settings) -> Box<dyn SoundProcessor> + Send + Sync + 'static,
    ) -> Self {
        self.make_sound = Some(Arc::new(make));
        self
    }

    /// What requests call it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What people read.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// What may be set.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    pub(crate) fn processor(&self, settings: &Settings) -> Box<dyn Processor> {
        (self.make)(settings)
    }

    pub(crate) fn sound_processor(&self, settings: &Settings) -> Option<Box<dyn SoundProcessor>> {
        self.make_sound.as_ref().map(|make| make(settings))
    }

    pub(crate) const fn has_sound(&self) -> bool {
        self.make_sound.is_some()
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
