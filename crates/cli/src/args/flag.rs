//! One option: everything that parsing, help, the man page and completions must know of it, in one object.

use brooklet::play::PlaySpec;

use super::draft::{DemoOptions, Globals, InputDraft, OutputDraft, ProbeOptions, ServeOptions};
use super::error::UsageError;
use super::given::Given;
use crate::command::Show;

/// An option, under ffmpeg's name.
pub(crate) struct Flag {
    /// Its name, without the dash.
    pub(crate) name: &'static str,
    /// Other names for the same.
    pub(crate) aliases: &'static [&'static str],
    /// Names with a stream specifier in them: `vcodec` is `c:v`.
    pub(crate) shorthands: &'static [(&'static str, &'static str)],
    /// Its value.
    pub(crate) takes: Takes,
    /// What may stand after a colon in its name.
    pub(crate) streams: Streams,
    /// Under which heading it is listed.
    pub(crate) section: Section,
    /// Whether the short help has it.
    pub(crate) common: bool,
    /// Values for a shell to offer.
    pub(crate) choices: Choices,
    /// What it does: one line, lower case, no full stop.
    pub(crate) help: &'static str,
    /// More of the same, in sentences, for the man page; may be empty.
    pub(crate) details: &'static str,
    /// Where it stands and what comes of it.
    pub(crate) action: Action,
}

/// What follows an option's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// Nothing; `-noNAME` says the opposite.
    Switch,
    /// A value, with its placeholder.
    Value(&'static str),
    /// A value, unless the next argument is an option.
    Maybe(&'static str),
}

/// Which stream specifiers an option takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Streams {
    /// None.
    None,
    /// `:v`, which is what it means anyway.
    Video,
    /// `:a`, which is what it means anyway.
    Audio,
    /// Any kind; without one it means all.
    Any,
    /// Any text at all, not looked at.
    Unread,
}

/// A heading of the help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Section {
    /// Print and exit.
    Show,
    /// The whole run.
    Global,
    /// Inputs and outputs alike.
    File,
    /// Inputs only.
    Input,
    /// Outputs only.
    Output,
    /// Pictures of an output.
    Video,
    /// Sound of an output.
    Audio,
    /// `brooklet probe`.
    Probe,
    /// `brooklet play`.
    Play,
    /// `brooklet demo`.
    Demo,
    /// `brooklet serve`.
    Serve,
    /// Accepted for the sake of scripts.
    Accepted,
    /// Known, and refused.
    Refused,
}

/// Values for a shell to offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choices {
    /// Nothing to offer.
    None,
    /// File names.
    Files,
    /// These.
    Words(&'static [&'static str]),
    /// Names of formats.
    Formats,
    /// Names of codecs, and `copy`.
    Codecs,
    /// Names of pixel formats.
    PixelFormats,
    /// Names of sample formats.
    SampleFormats,
    /// Names of sizes.
    Sizes,
    /// Names of frame rates.
    Rates,
}

/// What an action gives.
pub(crate) type Outcome = Result<(), UsageError>;

/// Where an option stands and what comes of it.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// Anywhere: prints something and ends.
    Show(Show),
    /// Anywhere: for the whole run.
    Global(fn(&mut Globals, &Given) -> Outcome),
    /// `-i`: ends the options of an input.
    Open,
    /// Before an input.
    Input(fn(&mut InputDraft, &Given) -> Outcome),
    /// Before an output.
    Output(fn(&mut OutputDraft, &Given) -> Outcome),
    /// Before either.
    File(fn(&mut InputDraft, &Given) -> Outcome, fn(&mut OutputDraft, &Given) -> Outcome),
    /// Anywhere: nothing, and a line that says so.
    Accept,
    /// Anywhere: an error that says what to do instead.
    Refuse,
    /// After the verb `probe`.
    Probe(fn(&mut ProbeOptions, &Given) -> Outcome),
    /// After the verb `play`.
    Play(fn(&mut PlaySpec, &Given) -> Outcome),
    /// After the verb `demo`.
    Demo(fn(&mut DemoOptions, &Given) -> Outcome),
    /// After the verb `serve`.
    Serve(fn(&mut ServeOptions, &Given) -> Outcome),
}

impl Flag {
    /// Prints something and ends.
    pub(super) const fn show(name: &'static str, show: Show) -> Self {
        Self::new(name, Section::Show, Action::Show(show))
    }

    /// For the whole run.
    pub(super) const fn global(name: &'static str, apply: fn(&mut Globals, &Given) -> Outcome) -> Self {
        Self::new(name, Section::Global, Action::Global(apply))
    }

    /// `-i`.
    pub(super) const fn open(name: &'static str) -> Self {
        Self::new(name, Section::File, Action::Open)
    }

    /// For inputs.
    pub(super) const fn input(name: &'static str, apply: fn(&mut InputDraft, &Given) -> Outcome) -> Self {
        Self::new(name, Section::Input, Action::Input(apply))
    }

    /// For outputs.
    pub(super) const fn output(name: &'static str, apply: fn(&mut OutputDraft, &Given) -> Outcome) -> Self {
        Self::new(name, Section::Output, Action::Output(apply))
    }

    /// For outputs' pictures.
    pub(super) const fn video(name: &'static str, apply: fn(&mut OutputDraft, &Given) -> Outcome) -> Self {
        Self { streams: Streams::Video, section: Section::Video, ..Self::output(name, apply) }
    }

    /// For sound of inputs and outputs.
    pub(super) const fn audio(
        name: &'static str,
        input: fn(&mut InputDraft, &Given) -> Outcome,
        output: fn(&mut OutputDraft, &Given) -> Outcome,
    ) -> Self {
        Self { streams: Streams::Audio, section: Section::Audio, ..Self::file(name, input, output) }
    }

    /// For inputs and outputs.
    pub(super) const fn file(
        name: &'static str,
        input: fn(&mut InputDraft, &Given) -> Outcome,
        output: fn(&mut OutputDraft, &Given) -> Outcome,
    ) -> Self {
        Self::new(name, Section::File, Action::File(input, output))
    }

    /// Accepted, with a line that says `why` nothing comes of it.
    pub(super) const fn accepted(name: &'static str, takes: Takes, why: &'static str) -> Self {
        let flag = Self::new(name, Section::Accepted, Action::Accept);
        Self { takes, streams: Streams::Unread, help: why, ..flag }
    }

    /// Known, and refused with what to do instead.
    pub(super) const fn refused(name: &'static str, takes: Takes, why: &'static str) -> Self {
        let flag = Self::new(name, Section::Refused, Action::Refuse);
        Self { takes, streams: Streams::Unread, help: why, ..flag }
    }

    /// For `brooklet probe`.
    pub(super) const fn probe(name: &'static str, apply: fn(&mut ProbeOptions, &Given) -> Outcome) -> Self {
        Self::new(name, Section::Probe, Action::Probe(apply))
    }

    /// For `brooklet play`.
    pub(super) const fn play(name: &'static str, apply: fn(&mut PlaySpec, &Given) -> Outcome) -> Self {
        Self::new(name, Section::Play, Action::Play(apply))
    }

    /// For `brooklet demo`.
    pub(super) const fn demo(name: &'static str, apply: fn(&mut DemoOptions, &Given) -> Outcome) -> Self {
        Self::new(name, Section::Demo, Action::Demo(apply))
    }

    /// For `brooklet serve`.
    pub(super) const fn serve(name: &'static str, apply: fn(&mut ServeOptions, &Given) -> Outcome) -> Self {
        Self::new(name, Section::Serve, Action::Serve(apply))
    }

    const fn new(name: &'static str, section: Section, action: Action) -> Self {
        Self {
            name,
            aliases: &[],
            shorthands: &[],
            takes: Takes::Nothing,
            streams: Streams::None,
            section,
            common: false,
            choices: Choices::None,
            help: "",
            details: "",
            action,
        }
    }

    /// It takes a value, shown as `placeholder`.
    pub(super) const fn value(mut self, placeholder: &'static str) -> Self {
        self.takes = Takes::Value(placeholder);
        self
    }

    /// It takes a value or none.
    pub(super) const fn maybe(mut self, placeholder: &'static str) -> Self {
        self.takes = Takes::Maybe(placeholder);
        self
    }

    /// `-noNAME` says the opposite.
    pub(super) const fn switch(mut self) -> Self {
        self.takes = Takes::Switch;
        self
    }

    /// Other names.
    pub(super) const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Other names that stand for it with a stream specifier.
    pub(super) const fn short(mut self, shorthands: &'static [(&'static str, &'static str)]) -> Self {
        self.shorthands = shorthands;
        self
    }

    /// Stream specifiers that it takes.
    pub(super) const fn streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// Listed in the short help.
    pub(super) const fn common(mut self) -> Self {
        self.common = true;
        self
    }

    /// Values for a shell to offer.
    pub(super) const fn choices(mut self, choices: Choices) -> Self {
        self.choices = choices;
        self
    }

    /// One line of help.
    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// Sentences for the man page.
    pub(super) const fn details(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    /// All its names, its own first, without `-no…`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let shorthands = self.shorthands.iter().map(|(name, _)| *name);
        std::iter::once(self.name).chain(self.aliases.iter().copied()).chain(shorthands)
    }

    /// The placeholder of its value, where it takes one.
    pub(crate) fn placeholder(&self) -> Option<&'static str> {
        match self.takes {
            Takes::Nothing | Takes::Switch => None,
            Takes::Value(placeholder) | Takes::Maybe(placeholder) => Some(placeholder),
        }
    }

    /// Whose option it is, for messages.
    pub(crate) fn owner(&self) -> &'static str {
        match self.action {
            Action::Input(_) | Action::Open => "inputs",
            Action::Output(_) => "outputs",
            Action::File(..) => "inputs and outputs",
            Action::Probe(_) => "brooklet probe",
            Action::Play(_) => "brooklet play",
            Action::Demo(_) => "brooklet demo",
            Action::Serve(_) => "brooklet serve",
            Action::Show(_) | Action::Global(_) | Action::Accept | Action::Refuse => "the whole line",
        }
    }
}
