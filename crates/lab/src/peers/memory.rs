//! What a run costs beside time, as the kernel counts it: memory above what was loaded before it, and processor time.

use std::fs;

/// Resident memory at the begin of a run, from which its peak is counted.
pub(crate) struct Watch {
    resident: Option<u64>,
}

impl Watch {
    /// Forgets earlier peaks and begins to count.
    pub(crate) fn begin() -> Self {
        // "5" resets VmHWM. Where that is refused, peaks are unknown, not wrong.
        let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        Self { resident: if reset { status("VmRSS:") } else { None } }
    }

    /// Bytes of the peak since then above what was resident; `None` where the kernel does not say.
    pub(crate) fn peak(self) -> Option<u64> {
        Some(status("VmHWM:")?.saturating_sub(self.resident?))
    }
}

/// Bytes of resident memory.
pub(crate) fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// Seconds that the threads of this process have run so far; `None` where the kernel does not say.
pub(crate) fn cpu_seconds() -> Option<f64> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += text.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}

/// A field of /proc/self/status, given there in KiB, in bytes.
fn status(field: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_peak_counts_what_was_freed_again() {
        let watch = Watch::begin();
        let cells = std::hint::black_box(vec![1u8; 64 << 20]);
        drop(cells);
        // A sandbox may refuse the reset.
        if let Some(peak) = watch.peak() {
            assert!((60 << 20..512 << 20).contains(&peak), "{peak}");
        }
    }
}
