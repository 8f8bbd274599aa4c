//! What may be set while a processor runs.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that may be set, as a page draws it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// What the processor calls it.
    pub name: &'static str,
    /// What people read.
    pub title: &'static str,
    /// How it is set.
    pub control: Control,
}

/// How a [`Setting`] is set.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// One of some words, each with what people read; the first is chosen at the start.
    Selector(Vec<(&'static str, &'static str)>),
    /// A number.
    Slider {
        /// The least and the most.
        range: RangeInclusive<f64>,
        /// From one to the next.
        step: f64,
        /// At the start.
        start: f64,
    },
}

impl Setting {
    /// One of some words (name, what people read). The first is chosen at the start.
    pub fn selector(
        name: &'static str,
        title: &'static str,
        choices: &[(&'static str, &'static str)],
    ) -> Self {
        Self { name, title, control: Control::Selector(choices.to_vec()) }
    }

    /// A number in a range.
    pub const fn slider(
        name: &'static str,
        title: &'static str,
        range: RangeInclusive<f64>,
        step: f64,
        start: f64,
    ) -> Self {
        Self { name, title, control: Control::Slider { range, step, start } }
    }
}

/// The values of all settings of one session. Cloning shares them: what one clone sets, all read.
#[derive(Clone, Debug)]
pub struct Settings {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    declared: Vec<Setting>,
    /// Of a slider its number, of a selector the place of the word.
    values: Mutex<Vec<f64>>,
}

impl Settings {
    /// All as they are at the start.
    pub fn new(declared: &[Setting]) -> Self {
        let start = |setting: &Setting| match setting.control {
            Control::Selector(_) => 0.0,
            Control::Slider { start, .. } => start,
        };
        let values = Mutex::new(declared.iter().map(start).collect());
        Self { shared: Arc::new(Shared { declared: declared.to_vec(), values }) }
    }

    /// A slider's number; 0 where none of that name was declared.
    pub fn number(&self, name: &str) -> f64 {
        self.place(name).map_or(0.0, |place| self.values()[place])
    }

    /// The word that a selector stands at; empty where none of that name was declared.
    pub fn word(&self, name: &str) -> &'static str {
        let Some(place) = self.place(name) else { return "" };
        match &self.shared.declared[place].control {
            Control::Selector(choices) => {
                choices.get(self.values()[place] as usize).map_or("", |word| word.0)
            }
            Control::Slider { .. } => "",
        }
    }

    /// Sets one from its text; false where there is none of that name, or it can't have that value.
    #[must_use]
    pub fn set(&self, name: &str, value: &str) -> bool {
        let Some(place) = self.place(name) else { return false };
        let value = match &self.shared.declared[place].control {
            Control::Selector(choices) => {
                choices.iter().position(|(word, _)| *word == value).map(|place| place as f64)
            }
            Control::Slider { range, .. } => {
                value.trim().parse().ok().filter(|number: &f64| range.contains(number))
            }
        };
        value.is_some_and(|value| {
            self.values()[place] = value;
            true
        })
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.shared.declared.iter().position(|setting| setting.name == name)
    }

    fn values(&self) -> MutexGuard<'_, Vec<f64>> {
        // A panic elsewhere leaves the values whole: every change to them is one number.
        self.shared.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_declared_can_be_set() {
        let settings = Settings::new(&[
            Setting::selector("style", "Style", &[("soft", "Soft"), ("hard", "Hard")]),
            Setting::slider("radius", "Radius", 1.0..=9.0, 1.0, 3.0),
        ]);
        let shared = settings.clone();
        assert_eq!((settings.word("style"), settings.number("radius")), ("soft", 3.0));
        assert!(shared.set("style", "hard") && shared.set("radius", "9"));
        assert_eq!((settings.word("style"), settings.number("radius")), ("hard", 9.0));
        for (name, value) in
            [("style", "loud"), ("radius", "10"), ("radius", "NaN"), ("radius", "x"), ("other", "1")]
        {
            assert!(!settings.set(name, value), "{name}={value}");
        }
        assert_eq!((settings.word("style"), settings.number("radius")), ("hard", 9.0));
        assert_eq!(
            (settings.word("radius"), settings.word("other"), settings.number("other")),
            ("", "", 0.0)
        );
    }
}
