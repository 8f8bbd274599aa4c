//! The file that describes what is sent: `-sdp_file`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use brooklet_rtp::{Description, Media};

use crate::{Error, Result};

/// A description that grows with each output that starts, and is written anew then.
#[derive(Debug)]
pub struct SdpFile {
    path: PathBuf,
    /// How many outputs there will be: it is written when all are known.
    expected: usize,
    media: Mutex<Vec<(usize, Media)>>,
}

impl SdpFile {
    /// A file for so many outputs.
    pub fn new(path: PathBuf, expected: usize) -> Self {
        Self { path, expected, media: Mutex::default() }
    }

    /// Adds what output `number` sends; with the last of them the file is written, whole or not at all.
    pub(super) fn add(&self, number: usize, media: Media) -> Result<()> {
        let mut all = self.media.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((number, media));
        if all.len() < self.expected {
            return Ok(());
        }
        all.sort_by_key(|(number, _)| *number);
        let media = all.iter().map(|(_, media)| media.clone()).collect();
        let text = Description { name: String::new(), media }.write();
        let failed = |source| Error::io(&self.path.display().to_string(), "cannot write", source);
        let draft = self.path.with_extension("sdp.part");
        std::fs::write(&draft, text).map_err(failed)?;
        std::fs::rename(&draft, &self.path).map_err(failed)
    }
}
