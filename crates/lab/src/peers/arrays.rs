//! Files that both sides read: plain little-endian numbers, row by row; shapes are in the specification.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A number with a fixed little-endian form.
pub(crate) trait Number: Copy {
    /// Bytes of one number.
    const SIZE: usize;

    /// Appends the number.
    fn append(self, bytes: &mut Vec<u8>);

    /// The number in the first bytes.
    fn from_bytes(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($($kind:ty),*) => {$(
        impl Number for $kind {
            const SIZE: usize = size_of::<$kind>();

            fn append(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn from_bytes(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$kind>()];
                own.copy_from_slice(&bytes[..Self::SIZE]);
                Self::from_le_bytes(own)
            }
        }
    )*};
}

number!(f32, f64, i32, u32);

/// Writes numbers to `dir/name`.
pub(crate) fn write<N: Number>(dir: &Path, name: &str, numbers: &[N]) -> Result<()> {
    let mut bytes = Vec::with_capacity(numbers.len() * N::SIZE);
    for &number in numbers {
        number.append(&mut bytes);
    }
    let path = dir.join(name);
    fs::write(&path, bytes).with_context(|| path.display().to_string())
}

/// The numbers of `dir/name`.
pub(crate) fn read<N: Number>(dir: &Path, name: &str) -> Result<Vec<N>> {
    let path = dir.join(name);
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    ensure!(
        bytes.len().is_multiple_of(N::SIZE),
        "{} has {} bytes, not whole numbers of {}",
        path.display(),
        bytes.len(),
        N::SIZE
    );
    Ok(bytes.chunks_exact(N::SIZE).map(N::from_bytes).collect())
}
