//! What this process uses, as Linux tells it; nothing elsewhere.

/// A process in numbers.
pub(crate) struct Process {
    /// CPU time, seconds.
    pub(crate) cpu: f64,
    /// Memory that it has now, bytes.
    pub(crate) memory: u64,
    /// Files and sockets that it has open, and may have.
    pub(crate) files: u64,
    pub(crate) most_files: u64,
}

/// This one.
pub(crate) fn this() -> Option<Process> {
    /// Clock ticks in a second, as `/proc` counts CPU time on every Linux.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may hold anything; the numbers are behind it.
    let fields: Vec<u64> =
        stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let most_files = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    Some(Process {
        cpu: (fields.get(11)? + fields.get(12)?) as f64 / TICKS,
        memory: memory.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1_024,
        files: std::fs::read_dir("/proc/self/fd").ok()?.count() as u64,
        most_files: most_files.split_whitespace().next()?.parse().unwrap_or(u64::MAX),
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn this_process_uses_something() {
        let process = super::this().unwrap();
        assert!(process.memory > 100_000 && process.files > 0 && process.most_files >= process.files);
    }
}
