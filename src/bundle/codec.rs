//! Arrays as little-endian bytes.

/// A number that can stand in a section.
pub trait Scalar: Copy {
    /// Bytes of one number.
    const SIZE: usize;
    /// Appends the number, little-endian.
    fn put(self, bytes: &mut Vec<u8>);
    /// Reads the number; `bytes` has exactly [`Scalar::SIZE`] of them.
    fn get(bytes: &[u8]) -> Self;
}

macro_rules! scalar {
    ($($number:ty),*) => {$(
        impl Scalar for $number {
            const SIZE: usize = size_of::<$number>();
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Self {
                let mut exact = [0; size_of::<$number>()];
                exact.copy_from_slice(bytes);
                <$number>::from_le_bytes(exact)
            }
        }
    )*};
}
scalar!(u8, u32, u64, i64, f32, f64);

/// Arrays to bytes and back.
#[derive(Debug)]
pub struct Array;

impl Array {
    /// The bytes of an array.
    #[must_use]
    pub fn bytes<T: Scalar>(numbers: impl ExactSizeIterator<Item = T>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(numbers.len() * T::SIZE);
        numbers.for_each(|number| number.put(&mut bytes));
        bytes
    }

    /// The array of some bytes; `None` when they are not a whole number of numbers.
    #[must_use]
    pub fn read<T: Scalar>(bytes: &[u8]) -> Option<Vec<T>> {
        bytes.len().is_multiple_of(T::SIZE).then(|| bytes.chunks_exact(T::SIZE).map(T::get).collect())
    }
}
