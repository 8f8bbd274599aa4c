//! The table of all options, by where they stand.

mod accepted;
mod audio;
#[cfg(feature = "webrtc")]
mod camera;
mod device;
mod file;
mod global;
mod input;
mod live;
mod network;
mod output;
mod play;
mod radio;
mod refused;
mod serve;
mod show;
mod verbs;
mod video;

use super::flag::{Action, Flag, Takes};
use crate::command::Verb;

/// All options, in the order of the help.
pub(crate) fn all() -> impl Iterator<Item = &'static Flag> {
    let tables: [&'static [Flag]; 17] = [
        show::FLAGS,
        global::FLAGS,
        file::FLAGS,
        live::FLAGS,
        network::FLAGS,
        radio::FLAGS,
        input::FLAGS,
        output::FLAGS,
        video::FLAGS,
        audio::FLAGS,
        device::FLAGS,
        verbs::FLAGS,
        play::FLAGS,
        serve::FLAGS,
        CAMERA,
        accepted::FLAGS,
        refused::FLAGS,
    ];
    tables.into_iter().flatten()
}

#[cfg(feature = "webrtc")]
const CAMERA: &[Flag] = camera::FLAGS;
#[cfg(not(feature = "webrtc"))]
const CAMERA: &[Flag] = &[];

/// Where an option may stand: in ffmpeg's grammar (no verb), or after a verb.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scope(pub(crate) Option<Verb>);

impl Scope {
    /// Whether this option may stand here.
    pub(crate) fn has(self, flag: &Flag) -> bool {
        match (self.0, flag.action) {
            // ffplay's -y is a height, and it writes no file.
            (Some(Verb::Play), Action::Global(_)) => !matches!(flag.name, "y" | "n"),
            (_, Action::Global(_) | Action::Show(_)) => true,
            (Some(Verb::Play), Action::Play(_)) => true,
            (Some(Verb::Probe), Action::Probe(_)) => true,
            (Some(Verb::Probe | Verb::Play), Action::Input(_) | Action::File(..) | Action::Open) => true,
            (Some(Verb::Demo), Action::Demo(_)) | (Some(Verb::Serve), Action::Serve(_)) => true,
            (_, Action::Probe(_) | Action::Play(_) | Action::Demo(_) | Action::Serve(_)) => false,
            (verb, _) => verb.is_none(),
        }
    }
}

/// An option by one of its names.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    /// The option.
    pub(crate) flag: &'static Flag,
    /// The stream specifier that the name stands for.
    pub(crate) specifier: Option<&'static str>,
    /// Whether the name is not its `-no…`.
    pub(crate) on: bool,
}

/// The option called `name` (without dash and specifier) among those that may stand in `scope`; failing that,
/// among all.
pub(crate) fn find(name: &str, scope: Scope) -> Option<Found> {
    let mut elsewhere = None;
    for flag in all() {
        if let Some(found) = named(flag, name) {
            if scope.has(flag) {
                return Some(found);
            }
            elsewhere.get_or_insert(found);
        }
    }
    elsewhere
}

fn named(flag: &'static Flag, name: &str) -> Option<Found> {
    if flag.name == name || flag.aliases.contains(&name) {
        return Some(Found { flag, specifier: None, on: true });
    }
    if let Some((_, specifier)) = flag.shorthands.iter().find(|(shorthand, _)| *shorthand == name) {
        return Some(Found { flag, specifier: Some(specifier), on: true });
    }
    let negated = name.strip_prefix("no").is_some_and(|positive| positive == flag.name);
    (flag.takes == Takes::Switch && negated).then_some(Found { flag, specifier: None, on: false })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::flag::{Action, Section};
    use super::*;

    #[test]
    fn every_option_has_help_and_is_reached_by_each_of_its_names() {
        for flag in all() {
            assert!(!flag.help.is_empty(), "-{} has no help", flag.name);
            assert!(!flag.help.ends_with('.'), "-{}: one line, no full stop", flag.name);
            assert!(flag.help.len() <= 100, "-{}: {} is too long for a line", flag.name, flag.help);
            let scope = match flag.action {
                Action::Probe(_) => Scope(Some(Verb::Probe)),
                Action::Play(_) => Scope(Some(Verb::Play)),
                Action::Demo(_) => Scope(Some(Verb::Demo)),
                Action::Serve(_) => Scope(Some(Verb::Serve)),
                _ => Scope(None),
            };
            assert!(scope.has(flag));
            for name in flag.names() {
                let found = find(name, scope).expect(name);
                assert!(std::ptr::eq(found.flag, flag), "-{name} is another's too");
            }
        }
    }

    #[test]
    fn no_name_stands_for_two_options_in_one_place() {
        for scope in
            [None, Some(Verb::Probe), Some(Verb::Play), Some(Verb::Demo), Some(Verb::Serve)].map(Scope)
        {
            let mut seen = HashSet::new();
            for flag in all().filter(|flag| scope.has(flag)) {
                for name in flag.names() {
                    assert!(seen.insert(name), "-{name} in {scope:?}");
                    assert!(!name.contains([':', ' ']), "-{name}");
                }
            }
        }
    }

    #[test]
    fn sections_agree_with_actions() {
        for flag in all() {
            let agrees = match flag.action {
                Action::Show(_) => flag.section == Section::Show,
                Action::Global(_) => flag.section == Section::Global,
                Action::Open => flag.section == Section::File,
                Action::File(..) => matches!(flag.section, Section::File | Section::Audio),
                Action::Input(_) => flag.section == Section::Input,
                Action::Output(_) => {
                    matches!(flag.section, Section::Output | Section::Video | Section::Audio)
                }
                Action::Accept => flag.section == Section::Accepted,
                Action::Refuse => flag.section == Section::Refused,
                Action::Probe(_) => flag.section == Section::Probe,
                Action::Play(_) => flag.section == Section::Play,
                Action::Demo(_) => flag.section == Section::Demo,
                Action::Serve(_) => flag.section == Section::Serve,
            };
            assert!(agrees, "-{}", flag.name);
        }
    }
}
