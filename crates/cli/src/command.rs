//! What a command line asks for, once it is understood.

use brooklet::job::{InputSpec, Job};
use brooklet::play::PlaySpec;

use crate::args::{DemoOptions, Globals, ServeOptions};

/// All that one run of the program may be.
#[derive(Debug)]
pub(crate) enum Command {
    /// Inputs to outputs.
    Convert(Convert),
    /// Inputs without an output: they are described, and that there is no output is the error.
    Describe {
        /// What to look at.
        inputs: Vec<InputSpec>,
        /// How to say it.
        globals: Globals,
    },
    /// `brooklet probe`.
    Probe {
        /// What to look at.
        input: Box<InputSpec>,
        /// For programs rather than people.
        json: bool,
        /// How to say it.
        globals: Globals,
    },
    /// `brooklet play`.
    Play {
        /// What to play, and how.
        spec: Box<PlaySpec>,
        /// How to run it.
        globals: Globals,
    },
    /// `brooklet demo`.
    Demo {
        /// Its own options.
        options: Box<DemoOptions>,
        /// How to run it.
        globals: Globals,
    },
    /// `brooklet serve`.
    Serve {
        /// Its own options.
        options: Box<ServeOptions>,
        /// How to run it.
        globals: Globals,
    },
    /// Something to print.
    Show {
        /// What.
        show: Show,
        /// The value of `-h`.
        topic: Option<String>,
    },
    /// `brooklet devices`.
    Devices,
    /// `brooklet bench`.
    Bench {
        /// How to say it.
        globals: Globals,
    },
    /// `brooklet completions`.
    Completions(Shell),
    /// `brooklet man`.
    Man,
}

/// A job and how to run it.
#[derive(Debug)]
pub(crate) struct Convert {
    /// What the library is to do.
    pub(crate) job: Job,
    /// How the program is to go about it.
    pub(crate) globals: Globals,
    /// Lines for the user about options that were accepted and have no effect, or another one.
    pub(crate) notes: Vec<String>,
}

/// What is printed on request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Show {
    /// `-h`.
    Help,
    /// `-version`.
    Version,
    /// What there is of something.
    Table(Table),
    /// `-sources`: devices that media come from.
    Sources,
    /// `-sinks`: devices that media go to.
    Sinks,
}

/// The tables of what there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    /// Containers both ways.
    Formats,
    /// Containers to read.
    Demuxers,
    /// Containers to write.
    Muxers,
    /// Inputs and outputs that are no files.
    Devices,
    /// Codecs, whether or not there is a decoder or an encoder.
    Codecs,
    /// Decoders.
    Decoders,
    /// Encoders.
    Encoders,
    /// Bitstream filters: none, for what they do is done where a format wants it.
    BitstreamFilters,
    /// Ways to use hardware: none.
    Accelerations,
    /// Schemes of URLs.
    Protocols,
    /// Filters of `-vf` and `-af`.
    Filters,
    /// Pixel formats.
    PixelFormats,
    /// Sample formats.
    SampleFormats,
    /// Channel layouts.
    Layouts,
}

/// Words that may stand first in place of options.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    /// Looks at a file.
    Probe,
    /// Plays sound and pictures.
    Play,
    /// Sends a test picture.
    Demo,
    /// Serves publishers and viewers.
    Serve,
    /// Lists devices.
    Devices,
    /// Measures this machine.
    Bench,
    /// Says how to use the program.
    Help,
    /// Prints the man page.
    Man,
    /// Prints a completion script.
    Completions,
}

impl Verb {
    /// All of them, in the order of the help, whether this program has them or not.
    const ALL: [Self; 9] = [
        Self::Probe,
        Self::Play,
        Self::Demo,
        Self::Serve,
        Self::Devices,
        Self::Bench,
        Self::Help,
        Self::Man,
        Self::Completions,
    ];

    /// Those that this program has.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|verb| verb.is_here())
    }

    /// The one that is written so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// Whether this program has it: smaller ones lack some.
    pub(crate) const fn is_here(self) -> bool {
        let lacks_play = !cfg!(feature = "play") && matches!(self, Self::Play);
        let lacks_demo = !cfg!(feature = "demo") && matches!(self, Self::Demo);
        let lacks_serve = !cfg!(feature = "server") && matches!(self, Self::Serve);
        !lacks_demo && !lacks_play && !lacks_serve
    }

    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Play => "play",
            Self::Demo => "demo",
            Self::Serve => "serve",
            Self::Devices => "devices",
            Self::Bench => "bench",
            Self::Help => "help",
            Self::Man => "man",
            Self::Completions => "completions",
        }
    }

    /// What follows it.
    pub(crate) const fn synopsis(self) -> &'static str {
        match self {
            Self::Probe => "probe FILE [-json]",
            Self::Play => "play [-autoexit] [-nodisp] [-fs] [-ss TIME] [-volume N] URL",
            Self::Demo => "demo [-size 640x360] [-rate 30] [-rtmp URL] [-udp URL] [-t TIME]",
            Self::Serve => "serve [-rtmp 127.0.0.1:1935] [-publish_token TOKEN] [-play_token TOKEN]",
            Self::Devices => "devices",
            Self::Bench => "bench",
            Self::Help => "help [long|full|OPTION]",
            Self::Man => "man",
            Self::Completions => "completions bash|zsh|fish",
        }
    }

    /// What it does.
    pub(crate) const fn help(self) -> &'static str {
        match self {
            Self::Probe => "prints the streams, codecs and durations of a file or URL",
            Self::Play => "plays a file or a stream: sound on the speaker, pictures in a window, in step",
            Self::Demo => {
                "sends a test picture with a clock and a tone over RTMP and UDP, and says how to watch"
            }
            Self::Serve => "an RTMP server: who publishes a stream is seen by all who play it",
            Self::Devices => "lists microphones, speakers, cameras and displays, and what they give or take",
            Self::Bench => "measures which pictures and sound this machine codes in real time",
            Self::Help => "prints help; the same as -h",
            Self::Man => "prints the man page: brooklet man > brooklet.1",
            Self::Completions => "prints a completion script for a shell",
        }
    }
}

/// Shells that there are completions for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}
