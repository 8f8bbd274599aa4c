//! Packets into transport streams.

mod annexb;
mod multiplex;
mod output;
mod tables;
mod track;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use brooklet_media::{Error, Metadata, Muxer, Packet, Piece, Result, StreamParams};

use crate::clock::{HZ, PCR_PER_TICK};
use crate::demux::NAME;
use crate::pes::Times;
use multiplex::{Multiplex, Unit};
use tables::Tables;
use track::Track;

/// A stream that rests for longer than this, in ticks of 90 kHz, is taken for one whose time has jumped.
const MAX_GAP: i64 = 10 * HZ;
/// Times further from 0 than this, in ticks of 90 kHz, are refused: 3,000 years.
const MAX_TIME: i64 = 1 << 53;

/// What a [`TsMuxer`] is to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TsMuxerOptions {
    /// The rate of the whole stream in bit/s, kept exactly with null packets; `None` for as much as there is.
    pub muxrate: Option<u64>,
    /// The service's name; where `None`, the tag `service_name`, else `Service01`.
    pub service_name: Option<String>,
    /// The service's provider; where `None`, the tag `service_provider`, else `Brooklet`.
    pub service_provider: Option<String>,
    /// transport_stream_id.
    pub transport_stream_id: u16,
    /// The PID of the first stream; the others follow.
    pub start_pid: u16,
    /// The PID of the program map.
    pub pmt_pid: u16,
    /// The longest time between program tables, in stream time; more than 100 ms counts as 100 ms.
    pub pat_period: Duration,
    /// The longest time between service descriptions.
    pub sdt_period: Duration,
    /// The longest time between program clock references; more than 40 ms counts as 40 ms.
    pub pcr_period: Duration,
    /// How long before its dts a packet is sent: what a receiver has to buffer. The stream begins at twice this
    /// time, so that its clock is never negative; ffmpeg does the same with its `-muxdelay`.
    pub mux_delay: Duration,
}

impl Default for TsMuxerOptions {
    /// ffmpeg's, but for tables and clock more often than the least.
    fn default() -> Self {
        Self {
            muxrate: None,
            service_name: None,
            service_provider: None,
            transport_stream_id: 1,
            start_pid: 0x100,
            pmt_pid: 0x1000,
            pat_period: Duration::from_millis(60),
            sdt_period: Duration::from_millis(450),
            pcr_period: Duration::from_millis(35),
            mux_delay: Duration::from_millis(700),
        }
    }
}

impl TsMuxerOptions {
    /// For a stream that is watched while it is made: 200 ms of delay.
    pub fn live() -> Self {
        Self { mux_delay: Duration::from_millis(200), ..Self::default() }
    }
}

/// Writes a transport stream of one program.
///
/// It takes H.264, HEVC, AAC (as ADTS), MP3, MP2, Opus, AC-3 and E-AC-3. Access units are sent in the order in which
/// they are written, each in a PES packet of its own, and each [`Piece`] is 1 to 7 whole packets of 188 bytes: a
/// datagram of 1316 bytes at most. Without a muxrate, the packets of a picture are spread over its duration, and
/// `at` of their pieces with them, so that a sender that keeps to `at` sends evenly; with one, `at` follows from the
/// position alone.
///
/// All times are moved by twice [`TsMuxerOptions::mux_delay`], and by as much more as makes the first dts 0 where it
/// is negative.
pub struct TsMuxer {
    options: TsMuxerOptions,
    tracks: Vec<Track>,
    multiplex: Option<Multiplex>,
    /// What is added to each time, ticks of 90 kHz; known from the first packet on.
    shift: Option<i64>,
    /// The PES packet that is being sent.
    pes: Vec<u8>,
    /// What else is known of it, until it has been sent.
    pending: Option<Pending>,
    late: u64,
}

/// An access unit that was written and not sent yet: its pieces, and those that fill the time before it, are made when
/// they are asked for. All times in ticks of 27 MHz.
#[derive(Clone, Copy)]
struct Pending {
    lane: usize,
    random_access: bool,
    wants_tables: bool,
    /// When its turn is.
    due: i64,
    /// Until when its packets may be spread.
    end: i64,
    /// When it has to be there, by the clock that is sent.
    deadline: i64,
}

impl TsMuxer {
    /// A muxer without streams.
    pub fn new(options: TsMuxerOptions) -> Self {
        Self {
            options,
            tracks: Vec::new(),
            multiplex: None,
            shift: None,
            pes: Vec::new(),
            pending: None,
            late: 0,
        }
    }

    /// How many packets, of those whose pieces were taken, were sent too late to be decoded in time: because the muxrate is too low, or because a
    /// stream was interleaved too far behind the others.
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Goes on with what is pending, to the next piece or, `at_once`, to its end; `false` where nothing is pending.
    fn go_on(&mut self, at_once: bool) -> bool {
        let (Some(pending), Some(multiplex)) = (self.pending, &mut self.multiplex) else { return false };
        if multiplex.pass(pending.due, at_once) {
            self.pending = None;
            multiplex.send(&Unit {
                lane: pending.lane,
                pes: &self.pes,
                random_access: pending.random_access,
                wants_tables: pending.wants_tables,
                end: pending.end,
            });
            self.late += u64::from(multiplex.clock() > pending.deadline);
        }
        true
    }

    fn check_pid(&self, pid: u16) -> Result<()> {
        let taken = pid == self.options.pmt_pid;
        if (0x20..0x1FFF).contains(&pid) && !taken {
            return Ok(());
        }
        Err(Error::unsupported(
            format!("PID {pid:#x} for stream {}", self.tracks.len()),
            "0x20 to 0x1ffe, without the program map's",
        ))
    }

    /// Where the program's clock travels: with the first video stream, else the first audio stream.
    fn clock_track(&self) -> usize {
        self.tracks.iter().position(Track::is_video).unwrap_or(0)
    }

    /// Whether a reader can start where this track has a key packet.
    fn starts_readers(&self, track: &Track) -> bool {
        track.is_video() || !self.tracks.iter().any(Track::is_video)
    }

    fn times(&mut self, packet: &Packet) -> Result<(Times, i64)> {
        let track = self.tracks.get(packet.stream).ok_or_else(|| unknown_stream(packet.stream))?;
        let ticks = |time| track.time_base().rescale(time, brooklet_media::TimeBase::MPEG);
        let (pts, dts) = (ticks(packet.pts), ticks(packet.dts));
        if [dts, pts].into_iter().any(|time| time.unsigned_abs() > MAX_TIME.unsigned_abs()) {
            return Err(Error::Usage(format!("{NAME}: the times pts {pts} and dts {dts} are out of reach")));
        }
        if let Some(last) = track.last_dts.filter(|last| dts < *last) {
            return Err(Error::Usage(format!(
                "{NAME}: stream {} goes back in time from dts {last} to {dts} (of 1/90000 s)",
                packet.stream
            )));
        }
        let shift = *self.shift.get_or_insert_with(|| 2 * ticks_of(self.options.mux_delay) + (-dts).max(0));
        Ok((Times { pts: pts.max(dts) + shift, dts: dts + shift }, shift))
    }

    /// How long the packets of a unit may take to go out, ticks of 90 kHz: until the next is due, but not so long
    /// that it, or one of another stream that has to wait for it, would be late. Sound among pictures is short.
    fn window(&self, duration: i64, is_video: bool) -> i64 {
        let delay = ticks_of(self.options.mux_delay);
        let most = match (self.tracks.len(), is_video) {
            (1, _) => delay / 2,
            (_, true) => delay / 4,
            (_, false) => 0,
        };
        duration.clamp(0, most)
    }
}

impl Muxer for TsMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        if self.multiplex.is_some() {
            return Err(Error::Usage(format!("{NAME}: a stream after the start")));
        }
        let pid = self.options.start_pid.saturating_add(self.tracks.len() as u16);
        self.check_pid(pid)?;
        let track = Track::new(pid, params)?;
        self.tracks.push(track);
        Ok(())
    }

    fn start(&mut self, metadata: &Metadata) -> Result<()> {
        if self.tracks.is_empty() {
            return Err(Error::unsupported(format!("{NAME} without a stream"), "one stream or more"));
        }
        let clock = self.clock_track();
        let tables = Tables::new(&self.options, metadata, &self.tracks, clock)?;
        let pids = self.tracks.iter().map(Track::pid).collect();
        self.multiplex = Some(Multiplex::new(&self.options, tables, pids, clock));
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        self.go_on(true);
        let (times, shift) = self.times(packet)?;
        let Some(track) = self.tracks.get(packet.stream) else { return Err(unknown_stream(packet.stream)) };
        let (key, starts_readers) = (packet.key, self.starts_readers(track));
        let Some(track) = self.tracks.get_mut(packet.stream) else {
            return Err(unknown_stream(packet.stream));
        };
        track.write_pes(packet, times, &mut self.pes)?;
        let dts = times.dts - shift;
        let duration = track.duration(packet, dts);
        let is_video = track.is_video();
        let window = self.window(duration, is_video);
        let Some(multiplex) = &mut self.multiplex else {
            return Err(Error::Usage(format!("{NAME}: a packet before the start")));
        };
        let due = dts * PCR_PER_TICK;
        multiplex.prepare(due, shift * PCR_PER_TICK, MAX_GAP * PCR_PER_TICK);
        self.pending = Some(Pending {
            lane: packet.stream,
            random_access: key && starts_readers,
            // Sound alone would mean the tables with every packet: there the usual ones will do.
            wants_tables: key && is_video,
            due,
            end: (dts + window) * PCR_PER_TICK,
            deadline: times.dts * PCR_PER_TICK,
        });
        Ok(())
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        self.go_on(true);
        let track = self.tracks.get_mut(stream).ok_or_else(|| unknown_stream(stream))?;
        let map_changes = track.change(params)?;
        if let Some(multiplex) = self.multiplex.as_mut().filter(|_| map_changes) {
            multiplex.change_map(&self.tracks)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.go_on(true);
        if let Some(multiplex) = &mut self.multiplex {
            multiplex.finish();
        }
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        loop {
            let piece = self.multiplex.as_mut()?.poll_piece();
            if piece.is_some() || !self.go_on(false) {
                return piece;
            }
        }
    }
}

fn unknown_stream(stream: usize) -> Error {
    Error::Usage(format!("{NAME}: stream {stream} was not added"))
}

/// Ticks of 90 kHz.
fn ticks_of(duration: Duration) -> i64 {
    let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    brooklet_media::TimeBase::MICROS.rescale(micros, brooklet_media::TimeBase::MPEG).min(MAX_TIME)
}

#[cfg(test)]
mod tests {
    use brooklet_media::bitstream::aac::AacConfig;
    use brooklet_media::{CodecId, StreamParams, TimeBase};

    use super::*;

    /// A muxer of AAC and its pieces from two packets with 9 s between them; `polled` as the contract has it.
    fn paused(muxrate: u64, polled: bool) -> (Vec<Piece>, usize) {
        let config = AacConfig::lc(48_000, 2).unwrap();
        let mut params = StreamParams::audio(CodecId::Aac, TimeBase::MPEG, config.audio_params());
        params.extradata = config.build();
        let mut muxer = TsMuxer::new(TsMuxerOptions { muxrate: Some(muxrate), ..TsMuxerOptions::default() });
        muxer.add_stream(&params).unwrap();
        muxer.start(&Vec::new()).unwrap();
        let (mut pieces, mut most_held) = (Vec::new(), 0);
        for dts in [0, 9 * HZ] {
            muxer.write(&Packet::new(0, dts, vec![1; 500].into())).unwrap();
            while polled && let Some(piece) = muxer.poll_piece() {
                most_held = most_held.max(muxer.multiplex.as_ref().unwrap().held());
                pieces.push(piece);
            }
        }
        muxer.finish().unwrap();
        pieces.extend(std::iter::from_fn(|| muxer.poll_piece()));
        (pieces, most_held)
    }

    #[test]
    fn a_pause_at_a_constant_rate_is_filled_as_pieces_are_taken() {
        let (pieces, most_held) = paused(20_000_000, true);
        assert!(most_held < 10, "{most_held} pieces were made before anyone asked");
        let bytes: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        assert!((22_400_000..22_600_000).contains(&bytes), "9 s at 20 Mbit/s are {bytes} bytes");
        for muxrate in [300_000, 1_000_003, 20_000_000] {
            assert!(paused(muxrate, true).0 == paused(muxrate, false).0, "{muxrate}: others when taken late");
        }
    }

    #[test]
    fn times_at_the_ends_of_their_type_are_refused() {
        let config = AacConfig::lc(48_000, 2).unwrap();
        let mut params = StreamParams::audio(CodecId::Aac, TimeBase::MPEG, config.audio_params());
        params.extradata = config.build();
        let mut muxer = TsMuxer::new(TsMuxerOptions::default());
        muxer.add_stream(&params).unwrap();
        muxer.start(&Vec::new()).unwrap();
        for time in [i64::MIN, i64::MAX] {
            assert!(muxer.write(&Packet::new(0, time, vec![1].into())).is_err());
        }
    }
}
