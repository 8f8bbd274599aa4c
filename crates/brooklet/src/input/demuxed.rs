//! Bytes and their demuxer, as a source of packets.

use brooklet_format::{DemuxOptions, DemuxerInfo};
use brooklet_media::{CodecId, DemuxEvent, DemuxStep, Demuxer, Metadata, PcmFormat};
use bytes::Bytes;

use super::probe;
use crate::job::InputSpec;
use crate::protocol::{ByteSource, PacketSource};
use crate::{Error, Result};

/// Bytes and their demuxer.
pub(super) struct Demuxed {
    url: String,
    source: Box<dyn ByteSource>,
    demuxer: Box<dyn Demuxer>,
    /// Where the source stands.
    position: u64,
    /// What was read to find the format, from byte 0.
    head: Bytes,
    /// Why the source gives no more: told when the demuxer has given all that came before.
    failure: Option<Error>,
}

impl Demuxed {
    /// Finds the format where it is not `named`.
    pub(super) fn open(
        spec: &InputSpec,
        named: Option<&'static DemuxerInfo>,
        mut source: Box<dyn ByteSource>,
    ) -> Result<(&'static DemuxerInfo, Box<dyn PacketSource>)> {
        let failed = |source| Error::media(&spec.url, source);
        let mut head = Bytes::new();
        let format = match named {
            Some(format) => format,
            None => probe::find_format(&spec.url, source.as_mut(), &mut head)?,
        };
        let options = DemuxOptions {
            source: source.source(),
            url: spec.url.clone(),
            video_size: spec.video_size,
            pixel_format: spec.pixel_format,
            frame_rate: spec.frame_rate,
            sample_rate: spec.sample_rate,
            layout: spec.layout,
            codec: raw_codec(spec),
        };
        let demuxer = brooklet_format::open_demuxer(format, &options).map_err(failed)?;
        let position = head.len() as u64;
        let url = spec.url.clone();
        Ok((format, Box::new(Self { url, source, demuxer, position, head, failure: None })))
    }

    fn read(&mut self, at: u64) -> Result<()> {
        let head = std::mem::take(&mut self.head);
        let within_head = usize::try_from(at).ok().filter(|at| *at < head.len());
        if let Some(at) = within_head {
            self.demuxer.push(head.slice(at..));
            return Ok(());
        }
        if at != self.position {
            self.source.seek(at)?;
            self.position = at;
        }
        let bytes = self.source.read().unwrap_or_else(|error| {
            self.failure = Some(error);
            Bytes::new()
        });
        self.position += bytes.len() as u64;
        if bytes.is_empty() {
            self.demuxer.finish();
        } else {
            self.demuxer.push(bytes);
        }
        Ok(())
    }
}

impl PacketSource for Demuxed {
    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        loop {
            match self.demuxer.step().map_err(|source| Error::media(&self.url, source))? {
                DemuxStep::Read(at) => self.read(at)?,
                DemuxStep::Event(event) => return Ok(Some(event)),
                DemuxStep::End => return self.failure.take().map_or(Ok(None), Err),
            }
        }
    }

    fn seek(&mut self, stream: usize, pts: i64) -> Result<()> {
        self.demuxer.seek(stream, pts).map_err(|source| Error::media(&self.url, source))
    }

    fn metadata(&self) -> Metadata {
        self.demuxer.metadata()
    }

    fn size(&self) -> Option<u64> {
        self.source.source().length
    }

    fn take_warnings(&mut self) -> Vec<String> {
        self.demuxer.take_warnings()
    }

    fn take_title(&mut self) -> Option<String> {
        self.source.take_title()
    }
}

/// The source of a demuxer that asks for no bytes.
pub(super) struct Nothing;

impl ByteSource for Nothing {
    fn source(&self) -> brooklet_media::Source {
        brooklet_media::Source::default()
    }

    fn is_live(&self) -> bool {
        false
    }

    fn read(&mut self) -> Result<Bytes> {
        Ok(Bytes::new())
    }

    fn seek(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
}

/// `-c:a pcm_s16le`, `-c:v rawvideo` before `-i`: what the bytes of a raw format are.
fn raw_codec(spec: &InputSpec) -> Option<CodecId> {
    let pcm = |name: &str| {
        let format = PcmFormat::ALL.into_iter().find(|format| CodecId::Pcm(*format).name() == name);
        format.map(CodecId::Pcm)
    };
    spec.audio_codec.as_deref().and_then(pcm)
}

/// What the samples of a raw format of sound are; `None` for other formats.
pub(super) fn raw_sound(spec: &InputSpec, format: &DemuxerInfo) -> Option<PcmFormat> {
    let named = PcmFormat::ALL.into_iter().find(|pcm| format.has_name(pcm.name()))?;
    match raw_codec(spec) {
        Some(CodecId::Pcm(said)) => Some(said),
        _ => Some(named),
    }
}
