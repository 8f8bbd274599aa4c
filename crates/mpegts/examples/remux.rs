//! Copies a transport stream into a new one: `remux IN.ts OUT.ts [MUXRATE]`.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Write};

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Interleaver, Muxer, Packet, Source};
use brooklet_mpegts::{TsDemuxer, TsMuxer, TsMuxerOptions};
use bytes::Bytes;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().ok_or(what);
    let mut input = File::open(next("which input?")?)?;
    let mut output = BufWriter::new(File::create(next("which output?")?)?);
    let muxrate = next("").ok().map(|rate| rate.parse()).transpose()?;

    let mut demuxer = TsDemuxer::new(Source::default());
    let mut muxer = TsMuxer::new(TsMuxerOptions { muxrate, ..TsMuxerOptions::default() });
    let mut queue = Interleaver::file();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match demuxer.step()? {
            DemuxStep::Read(_) => match input.read(&mut buffer)? {
                0 => demuxer.finish(),
                count => demuxer.push(Bytes::copy_from_slice(&buffer[..count])),
            },
            DemuxStep::Event(DemuxEvent::StreamAdded(params)) => {
                queue.add_stream(params.time_base);
                muxer.add_stream(&params)?;
            }
            DemuxStep::Event(DemuxEvent::HeaderRead) => muxer.start(&demuxer.metadata())?,
            DemuxStep::Event(DemuxEvent::Params { stream, params }) => {
                muxer.change_params(stream, &params)?
            }
            DemuxStep::Event(DemuxEvent::Discontinuity) => eprintln!("the time jumps here"),
            DemuxStep::Event(DemuxEvent::Packet(packet)) => {
                queue.push(packet);
                write_ready(&mut queue, &mut muxer, &mut output)?;
            }
            DemuxStep::End => break,
        }
    }
    queue.end_all();
    write_ready(&mut queue, &mut muxer, &mut output)?;
    muxer.finish()?;
    write_pieces(&mut muxer, &mut output)?;
    output.flush()?;
    eprintln!("{} packets were late", muxer.late());
    Ok(())
}

fn write_ready(
    queue: &mut Interleaver,
    muxer: &mut TsMuxer,
    output: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    while let Some(packet) = queue.pop() {
        muxer.write(&at_zero(packet))?;
        write_pieces(muxer, output)?;
    }
    Ok(())
}

fn write_pieces(muxer: &mut TsMuxer, output: &mut impl Write) -> std::io::Result<()> {
    while let Some(piece) = muxer.poll_piece() {
        output.write_all(&piece.bytes)?;
    }
    Ok(())
}

/// The muxer moves times by 1.4 s: so did the one that wrote the input.
fn at_zero(packet: Packet) -> Packet {
    Packet { pts: packet.pts - 126_000, dts: packet.dts - 126_000, ..packet }
}
