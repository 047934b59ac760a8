//! The last step of reading: a thread that recognises repeats and keeps the other events.
//!
//! Its lookups wait for memory while the caller's thread is busy with cells, and what it decides is needed only at the
//! end of a file.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use bespoke::tables::{EventLog, NewEvent};

use crate::seen::Seen;

/// Events handed over together: enough that waking the recorder is rare, few enough that their slots stay in cache.
const TOGETHER: usize = 1024;

/// Hand-overs that wait for the recorder.
const AHEAD: usize = 16;

/// A checked event.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) event: NewEvent,
    /// Of its canonical bytes when it may be a repeat.
    pub(super) hash: Option<u128>,
    pub(super) odd: Odd,
}

/// Oddities of an event that are counted once it is accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odd {
    pub(super) ambiguous: bool,
    pub(super) damaged: bool,
}

/// What became of the events since the last tally.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) accepted_guests: u64,
    pub(super) merged: u64,
    pub(super) ambiguous: u64,
    pub(super) damaged: u64,
}

#[derive(Debug)]
enum Message {
    Events(Vec<Checked>),
    Tally(Sender<Tally>),
}

/// The caller's end; the recorder's thread ends with it.
#[derive(Debug)]
pub(crate) struct Recorder {
    sender: SyncSender<Message>,
    spent: Receiver<Vec<Checked>>,
    waiting: Vec<Checked>,
    n_sent: u64,
}

impl Recorder {
    /// Starts the recorder; its thread returns the accepted events.
    pub(crate) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
    ) -> (Self, ScopedJoinHandle<'scope, EventLog>) {
        let (sender, messages) = sync_channel(AHEAD);
        let (spent_sender, spent) = channel();
        let thread = scope.spawn(move || record(&messages, &spent_sender));
        (Self { sender, spent, waiting: Vec::new(), n_sent: 0 }, thread)
    }

    /// Events taken so far, repeats among them.
    pub(super) fn n_taken(&self) -> u64 {
        self.n_sent + self.waiting.len() as u64
    }

    /// Takes an event.
    pub(super) fn take(&mut self, event: Checked) {
        self.waiting.push(event);
        if self.waiting.len() == TOGETHER {
            self.hand_over();
        }
    }

    /// What became of all events taken since the last tally.
    pub(super) fn tally(&mut self) -> Tally {
        self.hand_over();
        let (sender, answer) = channel();
        self.send(Message::Tally(sender));
        // No answer means that the recorder panicked, which its scope passes on.
        answer.recv().unwrap_or_default()
    }

    fn hand_over(&mut self) {
        self.n_sent += self.waiting.len() as u64;
        let next = self.spent.try_recv().unwrap_or_else(|_| Vec::with_capacity(TOGETHER));
        let waiting = std::mem::replace(&mut self.waiting, next);
        self.send(Message::Events(waiting));
    }

    fn send(&self, message: Message) {
        // As above: the recorder only ends early by a panic.
        let _ = self.sender.send(message);
    }
}

fn record(messages: &Receiver<Message>, spent: &Sender<Vec<Checked>>) -> EventLog {
    let (mut log, mut seen, mut tally) = (EventLog::default(), Seen::default(), Tally::default());
    for message in messages {
        match message {
            Message::Events(mut events) => {
                // They come together because a lookup in a table larger than the caches is a wait for memory, and
                // many lookups at once wait hardly longer.
                seen.approach(events.iter().filter_map(|event| event.hash));
                for event in events.drain(..) {
                    if event.hash.is_none_or(|hash| seen.insert(hash)) {
                        tally.count(&event);
                        log.push(event.event);
                    } else {
                        tally.merged += 1;
                    }
                }
                // The reader may be done already.
                let _ = spent.send(events);
            }
            Message::Tally(answer) => drop(answer.send(std::mem::take(&mut tally))),
        }
    }
    log
}

impl Tally {
    fn count(&mut self, Checked { event, odd, .. }: &Checked) {
        self.accepted += 1;
        self.accepted_guests += u64::from(event.customer.is_none());
        self.ambiguous += u64::from(odd.ambiguous);
        self.damaged += u64::from(odd.damaged);
    }
}
