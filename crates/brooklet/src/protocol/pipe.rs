//! `pipe:N` and `-`: standard input and output, and other descriptors that the process was started with.

use std::fs::File;
use std::io::{self, Read, Write};
use std::thread;

use brooklet_media::{Piece, Place, Source};
use bytes::{Bytes, BytesMut};

use super::{ByteSink, ByteSource, Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::queue::Queue;
use crate::{Error, Result, Stopper, Url};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// Reads that wait for the demuxer; then the pipe itself fills, and its writer blocks.
const WAITING: usize = 4;

/// The protocol.
pub struct Pipe;

impl Scheme for Pipe {
    fn names(&self) -> &'static [&'static str] {
        &["pipe"]
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        let input: Box<dyn Read + Send> = match descriptor(url, 0)? {
            0 => Box::new(io::stdin()),
            other => {
                let file = File::open(format!("/dev/fd/{other}"));
                Box::new(file.map_err(|source| Error::io(&url.text, "cannot open", source))?)
            }
        };
        Ok(Origin::Bytes(Box::new(PipeSource::start(url, input, options))))
    }

    fn open_sink(&self, url: &Url, _: &SinkOptions) -> Result<Target> {
        let output: Box<dyn Write + Send> = match descriptor(url, 1)? {
            1 => Box::new(io::stdout()),
            2 => Box::new(io::stderr()),
            other => {
                let file = File::options().write(true).open(format!("/dev/fd/{other}"));
                Box::new(file.map_err(|source| Error::io(&url.text, "cannot open", source))?)
            }
        };
        Ok(Target::Bytes(Box::new(PipeSink { url: url.text.clone(), output })))
    }
}

/// A pipe is read on a thread of its own, because nothing can interrupt a read that waits. When stopped, the thread
/// is left to its read, and ends with it.
struct PipeSource {
    url: String,
    stopper: Stopper,
    queue: Queue<io::Result<Bytes>>,
}

impl PipeSource {
    fn start(url: &Url, mut input: Box<dyn Read + Send>, options: &SourceOptions) -> Self {
        let queue = Queue::new(WAITING);
        let (reader, stopped) = (queue.clone(), queue.clone());
        options.stopper.on_stop(move || stopped.close());
        thread::spawn(move || {
            let mut buffer = BytesMut::new();
            loop {
                buffer.resize(READ, 0);
                let read = match input.read(&mut buffer) {
                    Ok(0) => return reader.end(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(count) => Ok(buffer.split_to(count).freeze()),
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                if reader.push(read).is_err() || failed {
                    return reader.end();
                }
            }
        });
        Self { url: url.text.clone(), stopper: options.stopper.clone(), queue }
    }
}

impl ByteSource for PipeSource {
    fn source(&self) -> Source {
        Source::default()
    }

    fn is_live(&self) -> bool {
        false
    }

    fn read(&mut self) -> Result<Bytes> {
        match self.queue.pop() {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(source)) => Err(Error::io(&self.url, "cannot read", source)),
            None if self.stopper.is_stopped() => Err(Error::Stopped),
            None => Ok(Bytes::new()),
        }
    }

    fn seek(&mut self, _: u64) -> Result<()> {
        Err(Error::io(&self.url, "cannot seek", io::ErrorKind::NotSeekable.into()))
    }
}

impl Drop for PipeSource {
    fn drop(&mut self) {
        self.queue.close();
    }
}

struct PipeSink {
    url: String,
    output: Box<dyn Write + Send>,
}

impl ByteSink for PipeSink {
    fn is_live(&self) -> bool {
        false
    }

    fn write(&mut self, piece: &Piece) -> Result<()> {
        if piece.place != Place::Append {
            return Ok(());
        }
        // Whoever reads a pipe wants what there is, now.
        let written = self.output.write_all(&piece.bytes).and_then(|()| self.output.flush());
        written.map_err(|source| Error::io(&self.url, "cannot write", source))
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

fn descriptor(url: &Url, default: u32) -> Result<u32> {
    match url.rest.as_str() {
        "" => Ok(default),
        number => number
            .parse()
            .map_err(|_| Error::Usage(format!("{}: a pipe is a number, as in pipe:0, or nothing", url.text))),
    }
}
