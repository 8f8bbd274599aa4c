//! Prints the packets of a transport stream as `stream,pts,dts,key,bytes`.
use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Source};
use std::io::Read;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("file?")?;
    let quiet = args.next().is_some();
    let mut file = std::fs::File::open(path)?;
    let mut demuxer = brooklet_mpegts::TsDemuxer::new(Source::default());
    let mut buffer = vec![0; 65536];
    let (mut n, mut bytes) = (0, 0);
    loop {
        match demuxer.step()? {
            DemuxStep::Read(_) => match file.read(&mut buffer)? {
                0 => demuxer.finish(),
                n => demuxer.push(bytes::Bytes::copy_from_slice(&buffer[..n])),
            },
            DemuxStep::Event(DemuxEvent::Packet(p)) => {
                n += 1;
                bytes += p.data.len();
                if !quiet {
                    println!(
                        "{},{},{},{},{}",
                        p.stream,
                        p.pts,
                        p.dts,
                        if p.key { "K" } else { "_" },
                        p.data.len()
                    )
                }
            }
            DemuxStep::Event(event) => eprintln!("{event:?}"),
            DemuxStep::End => {
                eprintln!("{n} packets {bytes} bytes");
                return Ok(());
            }
        }
    }
}
