//! Work in numbered blocks on several threads, handed over in order.

use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::sync_channel;

/// Makes the blocks `0..n_blocks` on `threads` threads and gives each to `take` on the caller's, in order. At most
/// three blocks per thread exist at a time.
///
/// # Errors
/// The first error of `take`; blocks after it are not taken.
///
/// # Panics
/// When `make` does, with its cause.
pub(crate) fn in_order<T: Send>(
    n_blocks: usize,
    threads: NonZeroUsize,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    let threads = threads.get().min(n_blocks);
    if threads < 2 {
        return (0..n_blocks).try_for_each(|block| take(make(block)));
    }
    let make = &make;
    std::thread::scope(|scope| {
        let mut makers: Vec<_> = (0..threads)
            .map(|first| {
                let (sender, receiver) = sync_channel(1);
                let maker = scope.spawn(move || {
                    // The other end is gone when the caller could not take a block.
                    (first..n_blocks).step_by(threads).all(|block| sender.send(make(block)).is_ok())
                });
                (receiver, Some(maker))
            })
            .collect();
        (0..n_blocks).try_for_each(|block| {
            let (receiver, maker) = &mut makers[block % threads];
            let Ok(made) = receiver.recv() else {
                // Only a panic ends a maker early: it goes on here, with its cause.
                let panic = maker.take().and_then(|maker| maker.join().err());
                std::panic::resume_unwind(panic.unwrap_or_else(|| Box::new("a block was not made")))
            };
            take(made)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_in_order_at_any_number_of_threads() {
        for threads in [1, 2, 7, 64] {
            let mut taken = Vec::new();
            let threads = NonZeroUsize::new(threads).unwrap();
            in_order(
                23,
                threads,
                |block| block * block,
                |square| {
                    taken.push(square);
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(taken, (0..23).map(|block| block * block).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "block 5 is bad")]
    fn a_panic_keeps_its_cause() {
        let make = |block| assert!(block != 5, "block {block} is bad");
        in_order(9, NonZeroUsize::new(2).unwrap(), make, |()| Ok(())).unwrap();
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let mut n_taken = 0;
        let threads = NonZeroUsize::new(3).unwrap();
        let error = in_order(
            1_000,
            threads,
            |block| block,
            |block| {
                n_taken += 1;
                if block == 10 { Err(io::Error::other("full")) } else { Ok(()) }
            },
        );
        assert_eq!((error.unwrap_err().to_string().as_str(), n_taken), ("full", 11));
    }
}
