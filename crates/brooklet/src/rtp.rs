//! `rtp://`: the sockets around `brooklet-rtp`, one pair for each medium.
//!
//! | file | holds |
//! |---|---|
//! | `address` | what a URL says, and the pair of sockets that comes of it |
//! | `sink` | packets to datagrams, sent when they are due, with reports |
//! | `session` | the file that describes what is sent (SDP) |
//! | `source` | datagrams of all media of a description to packets |
//! | `lane` | one medium of these: order, access units, times |

mod address;
mod lane;
mod session;
mod sink;
mod source;

pub use session::SdpFile;
pub(crate) use source::{Arrival, Door};

use brooklet_rtp::Description;

use crate::protocol::{Origin, PacketSource, Scheme, SinkOptions, SourceOptions, Target};
use crate::{Error, Result, Url};

/// The protocol.
pub(crate) struct Rtp;

impl Scheme for Rtp {
    fn names(&self) -> &'static [&'static str] {
        &["rtp"]
    }

    fn default_format(&self) -> Option<&'static str> {
        Some("rtp")
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        Ok(Origin::Packets(open_media(url, None, options)?))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        Ok(Target::Packets(sink::open(url, options)?))
    }
}

/// Opens what a description says is sent.
pub(crate) fn open_described(
    url: &Url,
    text: &str,
    options: &SourceOptions,
) -> Result<Box<dyn PacketSource>> {
    let description =
        Description::parse(text).map_err(|source| Error::Rtp { url: url.text.clone(), source })?;
    open_media(url, Some(description), options)
}

fn open_media(
    url: &Url,
    description: Option<Description>,
    options: &SourceOptions,
) -> Result<Box<dyn PacketSource>> {
    let doors = match &description {
        None => vec![Door::open(&address::Address::of(url)?, Vec::new(), options)?],
        Some(description) => {
            let mut doors = Vec::new();
            for media in &description.media {
                if media.formats.is_empty() {
                    let what = media.left_out.join(", ");
                    options.journal.warn(format!("{}: {what} is not supported and left out", url.text));
                    continue;
                }
                let address = address::Address::described(url, media);
                doors.push(Door::open(&address, media.formats.clone(), options)?);
            }
            doors
        }
    };
    if doors.is_empty() {
        return Err(Error::Usage(format!("{}: nothing in it can be received", url.text)));
    }
    if options.buffer.is_some() {
        return crate::voice::open_rtp(url, doors, options);
    }
    Ok(Box::new(source::RtpSource::new(url, doors, options)))
}

/// 128 bits that nobody can guess: what SSRC and first numbers come of.
pub(crate) fn random() -> u128 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}

/// Who we are, for good, as far as others need to know.
pub(crate) fn cname() -> String {
    format!("{:016x}@brooklet", random() as u64)
}
