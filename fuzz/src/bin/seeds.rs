//! Writes the seeds of each target into a folder of its name: `seeds CORPUS`.

use std::path::Path;
use std::process::ExitCode;

use brooklet_fuzz::seeds;
// Built beside the targets, with their instrumentation, which is in this crate.
use libfuzzer_sys as _;

fn main() -> ExitCode {
    let Some(corpus) = std::env::args_os().nth(1) else {
        eprintln!("usage: seeds CORPUS");
        return ExitCode::from(2);
    };
    match write(Path::new(&corpus)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seeds: {}: {error}", corpus.display());
            ExitCode::FAILURE
        }
    }
}

fn write(corpus: &Path) -> std::io::Result<()> {
    for seeds in seeds::all() {
        let folder = corpus.join(seeds.target);
        std::fs::create_dir_all(&folder)?;
        for input in seeds.inputs {
            // Named by what is in them, so that those of another day are not overwritten but the same are.
            let name = input.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
            });
            std::fs::write(folder.join(format!("seed-{name:016x}")), input)?;
        }
    }
    Ok(())
}
