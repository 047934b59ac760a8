//! Files as blocks of unpacked bytes: a thread of its own reads, unpacks and fingerprints while others parse.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3Default;

use crate::error::ReadError;
use crate::files::Compression;
use crate::options::Progress;

/// Unpacked bytes per block.
const BLOCK_BYTES: usize = 256 << 10;
/// Blocks that wait for the parser.
const BLOCKS_AHEAD: usize = 4;

/// What a file was, bit for bit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fingerprint {
    /// The file as named in the configuration.
    pub file: String,
    /// Bytes as stored (packed).
    pub bytes: u64,
    /// xxh3-128 of the bytes as stored, 32 hexadecimal digits.
    pub xxh3_128: String,
}

struct Block {
    bytes: Vec<u8>,
    /// Stored bytes consumed since the last block.
    stored: u64,
}

/// The parser's end of the stream.
pub(crate) struct Blocks<'a> {
    full: Receiver<io::Result<Block>>,
    empty: Sender<Vec<u8>>,
    progress: &'a dyn Progress,
    file: &'a str,
}

impl Blocks<'_> {
    /// Appends the next bytes to `buffer`; `false` at the end of the file.
    pub(crate) fn append(&mut self, buffer: &mut Vec<u8>) -> Result<bool, ReadError> {
        let Ok(block) = self.full.recv() else { return Ok(false) };
        let block = block.map_err(|e| ReadError::io(self.file, e))?;
        self.progress.advance(block.stored);
        buffer.extend_from_slice(&block.bytes);
        // The reader may be done already.
        let _ = self.empty.send(block.bytes);
        Ok(true)
    }
}

#[cfg(test)]
impl Blocks<'static> {
    /// A stream of given blocks.
    pub(crate) fn of_chunks(chunks: &[&[u8]]) -> Self {
        let (sender, full) = sync_channel(chunks.len());
        for chunk in chunks {
            sender.send(Ok(Block { bytes: chunk.to_vec(), stored: chunk.len() as u64 })).unwrap();
        }
        Self { full, empty: channel().0, progress: &(), file: "test" }
    }
}

/// Runs `parse` over the unpacked bytes of `path`.
///
/// # Panics
/// When the reading thread does, which would be a bug.
pub(crate) fn with_blocks<T>(
    path: &Path,
    file: &str,
    compression: Compression,
    progress: &dyn Progress,
    parse: impl FnOnce(Blocks<'_>) -> Result<T, ReadError>,
) -> Result<(T, Fingerprint), ReadError> {
    let opened = File::open(path).map_err(|e| ReadError::io(file, e))?;
    let (full_sender, full) = sync_channel(BLOCKS_AHEAD);
    let (empty, empty_receiver) = channel();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || produce(opened, compression, &full_sender, &empty_receiver));
        let parsed = parse(Blocks { full, empty, progress, file });
        let (bytes, hash) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let xxh3_128 = format!("{hash:032x}");
        Ok((parsed?, Fingerprint { file: file.to_owned(), bytes, xxh3_128 }))
    })
}

/// Sends blocks until the end, an error, or the parser's end; returns (stored bytes, their hash).
fn produce(
    file: File,
    compression: Compression,
    full: &SyncSender<io::Result<Block>>,
    empty: &Receiver<Vec<u8>>,
) -> (u64, u128) {
    let stored = Rc::new(Cell::new(0));
    let hash = Rc::new(RefCell::new(Xxh3Default::new()));
    let raw = Hashing { file, stored: Rc::clone(&stored), hash: Rc::clone(&hash) };
    match unpacker(raw, compression) {
        Ok(mut unpacked) => pump(&mut *unpacked, &stored, full, empty),
        Err(error) => drop(full.send(Err(error))),
    }
    let digest = hash.borrow().digest128();
    (stored.get(), digest)
}

fn unpacker(raw: Hashing, compression: Compression) -> io::Result<Box<dyn Read>> {
    Ok(match compression {
        Compression::None => Box::new(raw),
        Compression::Gzip => {
            Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(64 << 10, raw)))
        }
        Compression::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(64 << 10, raw))?)
        }
    })
}

fn pump(
    unpacked: &mut dyn Read,
    stored: &Cell<u64>,
    full: &SyncSender<io::Result<Block>>,
    empty: &Receiver<Vec<u8>>,
) {
    let mut reported = 0;
    loop {
        let mut bytes = empty.try_recv().unwrap_or_default();
        let filled = fill(unpacked, &mut bytes);
        let end = bytes.is_empty();
        let block = Block { bytes, stored: stored.get() - reported };
        reported = stored.get();
        if end && filled.is_ok() && block.stored == 0 {
            return;
        }
        if full.send(Ok(block)).is_err() {
            return;
        }
        match filled {
            Err(error) => return drop(full.send(Err(error))),
            Ok(()) if end => return,
            Ok(()) => {}
        }
    }
}

/// Reads a whole block, less at the end of the file.
fn fill(unpacked: &mut dyn Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.resize(BLOCK_BYTES, 0);
    let mut n = 0;
    let outcome = loop {
        match unpacked.read(&mut bytes[n..]) {
            Ok(0) => break Ok(()),
            Ok(read) => n += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    bytes.truncate(n);
    outcome
}

/// Counts and hashes what passes.
struct Hashing {
    file: File,
    stored: Rc<Cell<u64>>,
    hash: Rc<RefCell<Xxh3Default>>,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.hash.borrow_mut().update(&buffer[..n]);
        self.stored.set(self.stored.get() + n as u64);
        Ok(n)
    }
}

/// The fingerprint of a file that is not read as a stream.
pub(crate) fn fingerprint(path: &Path, file: &str) -> Result<Fingerprint, ReadError> {
    let stored = Rc::new(Cell::new(0));
    let hash = Rc::new(RefCell::new(Xxh3Default::new()));
    let opened = File::open(path).map_err(|e| ReadError::io(file, e))?;
    let mut raw = Hashing { file: opened, stored: Rc::clone(&stored), hash: Rc::clone(&hash) };
    let mut buffer = vec![0; BLOCK_BYTES];
    while raw.read(&mut buffer).map_err(|e| ReadError::io(file, e))? > 0 {}
    let xxh3_128 = format!("{:032x}", hash.borrow().digest128());
    Ok(Fingerprint { file: file.to_owned(), bytes: stored.get(), xxh3_128 })
}
