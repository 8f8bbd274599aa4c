//! `file:` and plain paths.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use brooklet_media::{Piece, Place, Source};
use bytes::{Bytes, BytesMut};

use super::{ByteSink, ByteSource, Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::{Error, Result, Url};

/// Bytes read at once.
const READ: usize = 128 * 1024;

/// How long what was written may wait here: that much is lost where this process ends at once.
const FLUSH: Duration = Duration::from_millis(500);

/// The protocol.
pub struct FileScheme;

impl Scheme for FileScheme {
    fn names(&self) -> &'static [&'static str] {
        &["file"]
    }

    fn open_source(&self, url: &Url, _: &SourceOptions) -> Result<Origin> {
        let failed = |source| Error::io(&url.text, "cannot open", source);
        let file = File::open(&url.rest).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
        }
        // A named pipe or a device has no length and no way back.
        let source =
            Source { seekable: metadata.is_file(), length: metadata.is_file().then_some(metadata.len()) };
        let source = FileSource { url: url.text.clone(), file, source, buffer: BytesMut::new() };
        Ok(Origin::Bytes(Box::new(source)))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        let mut how = OpenOptions::new();
        how.write(true).truncate(true).create(true);
        if !options.overwrite && std::path::Path::new(&url.rest).is_file() {
            let exists = io::Error::new(io::ErrorKind::AlreadyExists, "it exists; use -y to replace it");
            return Err(Error::io(&url.text, "cannot create", exists));
        }
        let file = how.open(&url.rest).map_err(|source| Error::io(&url.text, "cannot create", source))?;
        let file = BufWriter::with_capacity(READ, file);
        Ok(Target::Bytes(Box::new(FileSink {
            url: url.text.clone(),
            path: url.rest.clone().into(),
            file,
            length: 0,
            flushed: Instant::now(),
        })))
    }
}

struct FileSource {
    url: String,
    file: File,
    source: Source,
    buffer: BytesMut,
}

impl ByteSource for FileSource {
    fn source(&self) -> Source {
        self.source
    }

    fn is_live(&self) -> bool {
        false
    }

    fn read(&mut self) -> Result<Bytes> {
        self.buffer.resize(READ, 0);
        let count = loop {
            match self.file.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(|source| Error::io(&self.url, "cannot read", source))?,
            }
        };
        Ok(self.buffer.split_to(count).freeze())
    }

    fn seek(&mut self, at: u64) -> Result<()> {
        self.file.seek(SeekFrom::Start(at)).map_err(|source| Error::io(&self.url, "cannot seek", source))?;
        Ok(())
    }
}

struct FileSink {
    url: String,
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
    /// When all that was written was last handed over.
    flushed: Instant,
}

impl FileSink {
    fn put(&mut self, piece: &Piece) -> io::Result<()> {
        match piece.place {
            Place::Append => {
                self.file.write_all(&piece.bytes)?;
                self.length += piece.bytes.len() as u64;
                if self.flushed.elapsed() >= FLUSH {
                    self.file.flush()?;
                    self.flushed = Instant::now();
                }
                Ok(())
            }
            Place::Patch(at) => {
                // A device or a named pipe can't go back: the patch is left out.
                if self.file.seek(SeekFrom::Start(at)).is_err() {
                    return Ok(());
                }
                self.file.write_all(&piece.bytes)?;
                self.file.seek(SeekFrom::Start(self.length)).map(drop)
            }
            Place::Insert(at) if self.can_seek() => self.insert(at, &piece.bytes),
            Place::Insert(_) => Ok(()),
        }
    }
}

impl FileSink {
    /// Moves what follows `at`, from its end on, and writes `bytes` where it was.
    fn insert(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.flush()?;
        let (mut reader, writer) = (File::open(&self.path)?, self.file.get_mut());
        let mut block = vec![0; READ];
        let mut end = self.length;
        while end > at {
            let start = end.saturating_sub(READ as u64).max(at);
            let block = &mut block[..(end - start) as usize];
            reader.seek(SeekFrom::Start(start))?;
            reader.read_exact(block)?;
            writer.seek(SeekFrom::Start(start + bytes.len() as u64))?;
            writer.write_all(block)?;
            end = start;
        }
        writer.seek(SeekFrom::Start(at))?;
        writer.write_all(bytes)?;
        self.length += bytes.len() as u64;
        writer.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

impl ByteSink for FileSink {
    fn is_live(&self) -> bool {
        false
    }

    fn can_seek(&self) -> bool {
        self.file.get_ref().metadata().is_ok_and(|metadata| metadata.is_file())
    }

    fn write(&mut self, piece: &Piece) -> Result<()> {
        self.put(piece).map_err(|source| Error::io(&self.url, "cannot write", source))
    }

    fn finish(&mut self) -> Result<()> {
        self.file.flush().map_err(|source| Error::io(&self.url, "cannot write", source))
    }
}
