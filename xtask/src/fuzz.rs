//! `cargo xtask fuzz`: each fuzz target for a fixed number of inputs.

use crate::shell::{Outcome, cargo, root, run};

/// Runs every target in `fuzz/fuzz_targets`.
pub(crate) fn run_all_targets() -> Outcome<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(String::from))
        .collect();
    names.sort();
    Ok(names)
}
