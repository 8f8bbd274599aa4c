//! `file:` and plain paths.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use brooklet_media::{Piece, Place, Source};
use bytes::{Bytes, BytesMut};

use super::{ByteSink, ByteSource, Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::{Error, Result, Url};

/// Bytes read at once.
const READ: usize = 128 * 1024;

/// What was written and waits here for longer goes on with what is written next.
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
        let path = Path::new(&url.rest);
        if !options.overwrite && path.is_file() {
            let exists = io::Error::new(io::ErrorKind::AlreadyExists, "it exists; use -y to replace it");
            return Err(Error::io(&url.text, "cannot create", exists));
        }
        let file = create(path).map_err(|source| Error::io(&url.text, "cannot create", source))?;
        let file = BufWriter::with_capacity(READ, file);
        Ok(Target::Bytes(Box::new(FileSink {
            url: url.text.clone(),
            file,
            length: 0,
            flushed: Instant::now(),
        })))
    }
}

/// Opens what is written; a file, and no device or pipe, to be read too, for what is moved within it.
fn create(path: &Path) -> io::Result<File> {
    let mut how = OpenOptions::new();
    how.write(true).truncate(true).create(true);
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return how.open(path);
    }
    // One that may be written and not read is written.
    how.clone().read(true).open(path).or_else(|_| how.open(path))
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
            // A device or a named pipe can't go back: what is not for its end is left out.
            Place::Patch(_) | Place::Insert(_) if !self.can_seek() => Ok(()),
            Place::Patch(at) => {
                self.file.seek(SeekFrom::Start(at))?;
                self.file.write_all(&piece.bytes)?;
                self.file.seek(SeekFrom::Start(self.length)).map(drop)
            }
            Place::Insert(at) => self.insert(at, &piece.bytes),
        }
    }

    /// Moves what follows `at`, from its end on, and writes `bytes` where it was. Where there is no room for them, the file stays as it is.
    fn insert(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        let file = self.file.get_mut();
        if let Err(error) = file.write_all(bytes) {
            file.set_len(self.length)?;
            return Err(error);
        }
        let mut block = vec![0; READ];
        let mut end = self.length;
        while end > at {
            let start = end.saturating_sub(READ as u64).max(at);
            let block = &mut block[..(end - start) as usize];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(block)?;
            file.seek(SeekFrom::Start(start + bytes.len() as u64))?;
            file.write_all(block)?;
            end = start;
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        file.seek(SeekFrom::Start(self.length)).map(drop)
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

#[cfg(test)]
mod tests {
    use brooklet_media::Timestamp;

    use super::*;

    #[test]
    fn what_is_inserted_moves_all_that_follows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moved");
        for tail in [0, 1, READ - 1, READ, 2 * READ + 1] {
            for inserted in [1, 100, 3 * READ] {
                let file = BufWriter::with_capacity(READ, create(&path).unwrap());
                let mut sink = FileSink { url: "moved".into(), file, length: 0, flushed: Instant::now() };
                let bytes = |from: usize, count: usize| -> Vec<u8> {
                    (from..from + count).map(|n| n as u8).collect()
                };
                let mut expected = Vec::new();
                for (data, place) in [
                    (b"head".to_vec(), Place::Append),
                    (bytes(7, tail), Place::Append),
                    (b"HE".to_vec(), Place::Patch(0)),
                    (bytes(100, inserted), Place::Insert(4)),
                    (b"end".to_vec(), Place::Append),
                ] {
                    let piece = Piece { bytes: data.into(), at: Timestamp::ZERO, key: false, place };
                    sink.write(&piece).unwrap();
                    piece.store(&mut expected).unwrap();
                }
                sink.finish().unwrap();
                assert!(std::fs::read(&path).unwrap() == expected, "{inserted} bytes before {tail}");
            }
        }
    }
}
