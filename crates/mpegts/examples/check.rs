//! Prints what the checker says of a transport stream: `check FILE.ts [MUXRATE]`.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};

use brooklet_mpegts::check::Check;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut file = File::open(arguments.next().ok_or("which file?")?)?;
    let mut check = match arguments.next() {
        Some(rate) => Check::new().with_muxrate(rate.parse()?),
        None => Check::new(),
    };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => check.push(&buffer[..count]),
        }
    }
    write!(std::io::stdout(), "{}", check.report())?;
    Ok(())
}
