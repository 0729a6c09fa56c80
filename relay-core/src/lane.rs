//! The lane: the newest group table, from the relay thread to the thread of one radio.
//!
//! A triple buffer, and the only hand-off on the light's path. It promises:
//!
//! - **One writer, one reader**, each on its own thread; one lane for each reader.
//! - **Newest wins.** The reader gets the last table published; tables it had no time for are gone.
//!   There is no queue and so no way for light to grow old in one.
//! - **Never torn.** A table is seen whole: groups published together are seen together.
//! - **Wait-free.** [`LaneWriter::publish`] and [`LaneReader::refresh`] never wait for the other
//!   side, whatever it does, even if its thread has died. Neither allocates; all memory is taken by
//!   [`channel`].
//! - **Only what changed is copied.** Looks that did not change since this buffer was last written
//!   are left alone, so that 65 536 groups cost what their changes cost.
//! - **No lost wake-up.** A reader that says it is [idle](LaneReader::go_idle) is woken after the next
//!   publication, or is told not to sleep. A reader that is not idle costs the writer nothing.
//!
//! How: three buffers, each owned by exactly one of three parties at any time: the writer, the
//! reader and the exchange between them. One atomic byte holds which buffer is in the exchange,
//! whether it is newer than the reader's, and whether the reader sleeps. Both sides trade buffers
//! by swapping that byte; the swap (acquire and release) carries the contents over. The words of
//! the buffers are atomics that are read and written relaxed, which costs what plain memory costs
//! and keeps the whole of it safe Rust: a mistake here could show a torn table but never undefined
//! behaviour.
//!
//! The model tests run every interleaving of small cases with [loom](https://docs.rs/loom):
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p wristcast-core --no-default-features --release --lib lane
//! ```

use crate::radio::LaneWaker;
use crate::table::{BLOCK, GroupTable, Ones};
use crate::time::Time;

#[cfg(loom)]
use loom::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering},
};
#[cfg(not(loom))]
use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

/// What a published table was made from, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// When what caused it came: the kernel's arrival time of the newest datagram in it, or the
    /// time of the timeout. Ages and fades count from here.
    pub arrival: Time,
    /// When it was published.
    pub published: Time,
    /// Counts publications from 1. 0: nothing was published yet.
    pub sequence: u64,
    /// A blackout or an end look: everything in it goes before anything else and is repeated until
    /// the bands have it.
    pub panic: bool,
}

/// A lane for a table of `groups` groups.
pub fn channel(groups: usize) -> (LaneWriter, LaneReader) {
    let shared = Arc::new(Shared {
        state: AtomicU8::new(EXCHANGE_AT_START),
        buffers: std::array::from_fn(|_| Buffer::new(groups)),
    });
    let blocks = groups.div_ceil(BLOCK);
    let writer = LaneWriter {
        shared: shared.clone(),
        own: WRITER_AT_START,
        stale: vec![[u64::MAX; 3]; blocks].into_boxed_slice(),
        generation: 0,
        asleep: false,
        waker: LaneWaker::noop(),
    };
    let reader = LaneReader {
        shared,
        own: READER_AT_START,
        seen: vec![0; blocks].into_boxed_slice(),
        table: GroupTable::new(groups),
        stamp: Stamp::default(),
    };
    (writer, reader)
}

/// Bits of [`Shared::state`]: the buffer in the exchange, 0..=2.
const INDEX: u8 = 0b0011;
/// The buffer in the exchange is newer than the reader's.
const FRESH: u8 = 0b0100;
/// The reader sleeps, or is about to.
const IDLE: u8 = 0b1000;

const WRITER_AT_START: u8 = 0;
const EXCHANGE_AT_START: u8 = 1;
const READER_AT_START: u8 = 2;

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    buffers: [Buffer; 3],
}

#[derive(Debug)]
struct Buffer {
    words: Box<[AtomicU64]>,
    /// Per block, the table's revision that last changed it.
    revisions: Box<[AtomicU64]>,
    arrival: AtomicU64,
    published: AtomicU64,
    /// Sequence number x 2 + panic.
    sequence: AtomicU64,
    /// Held by a party, for the model tests.
    #[cfg(loom)]
    held: AtomicU64,
}

impl Buffer {
    fn new(groups: usize) -> Self {
        let zeros = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            words: zeros(groups),
            revisions: zeros(groups.div_ceil(BLOCK)),
            arrival: AtomicU64::new(0),
            published: AtomicU64::new(0),
            sequence: AtomicU64::new(0),
            #[cfg(loom)]
            held: AtomicU64::new(0),
        }
    }

    /// One party begins to use the buffer. The model checks that the other has finished, as far as
    /// this one can know.
    fn begin(&self) {
        #[cfg(loom)]
        {
            assert_eq!(self.held.load(Ordering::Relaxed), 0, "the other side is not done");
            self.held.store(1, Ordering::Relaxed);
        }
    }

    /// It is done with it.
    fn end(&self) {
        #[cfg(loom)]
        self.held.store(0, Ordering::Relaxed);
    }

    fn block(&self, block: usize) -> &[AtomicU64] {
        let start = block * BLOCK;
        &self.words[start..self.words.len().min(start + BLOCK)]
    }

    /// Stores the words of a block that `bits` names, or all of them.
    #[inline]
    fn store(&self, block: usize, bits: u64, words: &[u64]) {
        let buffer = self.block(block);
        if bits.count_ones() > BLOCK as u32 / 2 {
            for (to, from) in buffer.iter().zip(words) {
                to.store(*from, Ordering::Relaxed);
            }
            return;
        }
        for bit in Ones(bits) {
            if let (Some(to), Some(from)) = (buffer.get(bit), words.get(bit)) {
                to.store(*from, Ordering::Relaxed);
            }
        }
    }

    fn set_stamp(&self, stamp: Stamp) {
        self.arrival.store(stamp.arrival.as_nanos(), Ordering::Relaxed);
        self.published.store(stamp.published.as_nanos(), Ordering::Relaxed);
        self.sequence.store(stamp.sequence << 1 | u64::from(stamp.panic), Ordering::Relaxed);
    }

    fn stamp(&self) -> Stamp {
        let sequence = self.sequence.load(Ordering::Relaxed);
        Stamp {
            arrival: Time::from_nanos(self.arrival.load(Ordering::Relaxed)),
            published: Time::from_nanos(self.published.load(Ordering::Relaxed)),
            sequence: sequence >> 1,
            panic: sequence & 1 == 1,
        }
    }
}

/// The relay thread's end of a lane.
#[derive(Debug)]
pub struct LaneWriter {
    shared: Arc<Shared>,
    /// The buffer that is ours now.
    own: u8,
    /// Per block, for each buffer, one bit for each look that changed since it was copied there.
    stale: Box<[[u64; 3]]>,
    /// Of the table published last.
    generation: u64,
    /// The reader was idle, and was not woken yet.
    asleep: bool,
    waker: LaneWaker,
}

impl LaneWriter {
    /// Sets what wakes the reader when it is idle. To be called before the first publication.
    pub fn set_waker(&mut self, waker: LaneWaker) {
        self.waker = waker;
    }

    /// Publishes `table` and wakes the reader if it is idle. Wait-free.
    pub fn publish(&mut self, table: &GroupTable, stamp: Stamp) {
        self.put(table, stamp);
        self.wake();
    }

    /// Publishes `table`, but leaves an idle reader asleep until [`wake`](Self::wake). Wait-free.
    ///
    /// One writer publishes one table for good, or one that [superseded](GroupTable::supersede) it;
    /// and no change is [forgotten](GroupTable::clear_changed) before it was published.
    pub fn put(&mut self, table: &GroupTable, stamp: Stamp) {
        let own = usize::from(self.own);
        let buffer = &self.shared.buffers[own];
        debug_assert_eq!(table.len(), buffer.words.len());
        buffer.begin();
        if self.generation != table.generation() {
            self.generation = table.generation();
            self.stale.fill([u64::MAX; 3]);
        }
        for (block, (stale, &changed)) in
            self.stale.iter_mut().zip(table.changed_bits()).enumerate()
        {
            let bits = stale[own] | changed;
            if bits == 0 {
                continue;
            }
            stale.iter_mut().for_each(|stale| *stale |= changed);
            stale[own] = 0;
            buffer.store(block, bits, table.block_words(block));
            buffer.revisions[block].store(table.block_revision(block), Ordering::Relaxed);
        }
        buffer.set_stamp(stamp);
        buffer.end();
        // Release: what we wrote goes with the buffer. Acquire: the reader is done with the one we
        // get. The swap also takes the reader's idle mark away, so that it is woken once.
        let before = self.shared.state.swap(self.own | FRESH, Ordering::AcqRel);
        self.own = before & INDEX;
        self.asleep |= before & IDLE != 0;
    }

    /// Wakes the reader if it was idle when something was [put](Self::put). To be called before the
    /// writer rests.
    #[inline]
    pub fn wake(&mut self) {
        if std::mem::take(&mut self.asleep) {
            self.waker.wake();
        }
    }
}

/// A radio thread's end of a lane.
#[derive(Debug)]
pub struct LaneReader {
    shared: Arc<Shared>,
    /// The buffer that is ours now.
    own: u8,
    /// Per block, the revision that is in `table`.
    seen: Box<[u64]>,
    /// The newest table we took, in plain memory, with the groups that changed when we took it.
    table: GroupTable,
    stamp: Stamp,
}

impl LaneReader {
    /// Takes the newest table if there is one that was not taken yet; true if so. Wait-free.
    ///
    /// [`table`](Self::table) then says which groups are other than in the table taken before.
    pub fn refresh(&mut self) -> bool {
        if self.shared.state.load(Ordering::Relaxed) & FRESH == 0 {
            return false;
        }
        // Only the reader takes FRESH away, so that what we get is fresh. Ours goes back stale.
        let before = self.shared.state.swap(self.own, Ordering::AcqRel);
        self.own = before & INDEX;
        let buffer = &self.shared.buffers[usize::from(self.own)];
        buffer.begin();
        self.table.clear_changed();
        for (block, seen) in self.seen.iter_mut().enumerate() {
            let revision = buffer.revisions[block].load(Ordering::Relaxed);
            if *seen == revision {
                continue;
            }
            *seen = revision;
            for (i, word) in buffer.block(block).iter().enumerate() {
                self.table.set_word(block * BLOCK + i, word.load(Ordering::Relaxed));
            }
        }
        self.stamp = buffer.stamp();
        buffer.end();
        true
    }

    /// The newest table and its stamp.
    pub fn latest(&mut self) -> (&GroupTable, Stamp) {
        self.refresh();
        (&self.table, self.stamp)
    }

    /// The table taken last; its changed groups are those that the last successful
    /// [`refresh`](Self::refresh) changed.
    pub fn table(&self) -> &GroupTable {
        &self.table
    }

    /// The stamp of that table.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Says that the reader is about to sleep. True: it may, the next publication will wake it.
    /// False: there is a table to take first.
    ///
    /// Waking from sleep for another reason needs no call; the mark then stays and costs the
    /// writer one wake-up of a thread that is awake.
    #[must_use]
    pub fn go_idle(&mut self) -> bool {
        // One byte holds both marks: either the writer's swap comes after this and sees IDLE, or
        // it came before and this sees FRESH.
        let before = self.shared.state.fetch_or(IDLE, Ordering::Relaxed);
        before & FRESH == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::look::Look;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };

    fn stamp(sequence: u64) -> Stamp {
        Stamp { sequence, ..Stamp::default() }
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_reader_gets_the_newest_table_and_what_changed_since_the_one_before() {
        let (mut writer, mut reader) = channel(130);
        let mut table = GroupTable::new(130);
        assert!(!reader.refresh());
        table.set(0, RED);
        writer.publish(&table, stamp(1));
        table.set(129, RED);
        table.set(0, Look::DARK);
        let last = Stamp { arrival: Time::from_nanos(1), panic: true, ..stamp(2) };
        writer.publish(&table, last);
        assert!(reader.refresh());
        assert_eq!(reader.stamp(), last);
        assert_eq!(reader.table().changed().collect::<Vec<_>>(), [(129, RED)]);
        assert!(!reader.refresh());
        table.set(64, RED);
        writer.publish(&table, stamp(3));
        assert!(reader.refresh());
        assert_eq!(reader.table().changed().collect::<Vec<_>>(), [(64, RED)]);
    }

    #[test]
    fn every_buffer_catches_up_with_what_it_missed() {
        let groups = 5 * BLOCK;
        let (mut writer, mut reader) = channel(groups);
        let mut table = GroupTable::new(groups);
        for round in 0..50usize {
            table.set(round * 37 % groups, Look { red: round as u8, ..RED });
            writer.publish(&table, stamp(round as u64 + 1));
            table.clear_changed();
            if round % 3 == 0 {
                let (seen, at) = reader.latest();
                assert_eq!(at.sequence, round as u64 + 1);
                assert!((0..groups).all(|group| seen.get(group) == table.get(group)));
            }
        }
    }

    #[test]
    fn a_superseding_table_is_copied_whole() {
        let (mut writer, mut reader) = channel(2);
        let mut old = GroupTable::new(2);
        old.set(0, RED);
        for sequence in 1..=3 {
            writer.publish(&old, stamp(sequence));
            old.clear_changed();
            reader.refresh();
        }
        let mut new = GroupTable::new(2);
        new.set(1, RED);
        new.clear_changed();
        new.supersede(&old);
        writer.publish(&new, stamp(4));
        let (seen, _) = reader.latest();
        assert_eq!([seen.get(0), seen.get(1)], [Look::DARK, RED]);
    }

    #[test]
    fn only_an_idle_reader_is_woken_and_only_once() {
        let (mut writer, mut reader) = channel(1);
        let wakes = std::sync::Arc::new(Wakes::default());
        writer.set_waker(Waker::from(wakes.clone()).into());
        let table = GroupTable::new(1);
        let count = || wakes.0.load(Ordering::Relaxed);
        writer.publish(&table, stamp(1));
        assert_eq!(count(), 0, "the reader was awake");
        assert!(!reader.go_idle(), "there is a table to take");
        reader.refresh();
        assert!(reader.go_idle());
        writer.publish(&table, stamp(2));
        writer.publish(&table, stamp(3));
        assert_eq!(count(), 1);
    }

    #[test]
    fn several_tables_put_one_after_the_other_wake_an_idle_reader_once() {
        let (mut writer, mut reader) = channel(1);
        let wakes = std::sync::Arc::new(Wakes::default());
        writer.set_waker(Waker::from(wakes.clone()).into());
        let table = GroupTable::new(1);
        assert!(reader.go_idle());
        writer.put(&table, stamp(1));
        writer.put(&table, stamp(2));
        let count = || wakes.0.load(Ordering::Relaxed);
        assert_eq!(count(), 0, "the writer is not done");
        writer.wake();
        writer.wake();
        assert_eq!((count(), reader.latest().1.sequence), (1, 2));
    }

    /// Every look of every table carries its sequence number, so that a mixture would show.
    #[test]
    fn under_load_no_table_is_torn_and_none_is_older_than_the_one_before() {
        let groups = 3 * BLOCK + 7;
        let rounds: u64 = if cfg!(miri) { 100 } else { 30_000 };
        let (mut writer, mut reader) = channel(groups);
        let thread = std::thread::spawn(move || {
            let mut last = 0;
            while last < rounds {
                if !reader.refresh() {
                    if reader.go_idle() {
                        std::thread::park();
                    }
                    continue;
                }
                let sequence = reader.stamp().sequence;
                assert!(sequence > last);
                last = sequence;
                let look = Look::from_bits(sequence);
                assert!((0..groups).all(|group| reader.table().get(group) == look));
            }
        });
        struct Unpark(std::thread::Thread);
        impl Wake for Unpark {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.unpark();
            }
        }
        let unpark = std::sync::Arc::new(Unpark(thread.thread().clone()));
        writer.set_waker(Waker::from(unpark).into());
        let mut table = GroupTable::new(groups);
        for sequence in 1..=rounds {
            for group in 0..groups {
                table.set(group, Look::from_bits(sequence));
            }
            writer.publish(&table, stamp(sequence));
            table.clear_changed();
        }
        thread.join().unwrap();
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::look::Look;
    use loom::thread;
    use std::task::{Wake, Waker};

    /// Two groups in two blocks, so that both the words and the choice of blocks are modelled.
    const GROUPS: usize = BLOCK + 1;
    const WATCHED: [usize; 2] = [0, BLOCK];

    /// Both groups carry the sequence number of their table, or were not touched in it.
    fn publish(writer: &mut LaneWriter, table: &mut GroupTable, sequence: u64, groups: &[usize]) {
        for &group in groups {
            table.set(group, Look::from_bits(sequence));
        }
        writer.publish(table, Stamp { sequence, ..Stamp::default() });
        table.clear_changed();
    }

    /// What a whole table with this sequence number looks like in the model below.
    fn expected(sequence: u64) -> [u64; 2] {
        [[0, 0], [1, 1], [1, 2], [3, 3], [4, 3]][sequence as usize]
    }

    fn seen(reader: &LaneReader) -> [u64; 2] {
        WATCHED.map(|group| reader.table().get(group).to_bits())
    }

    #[test]
    fn never_torn_never_older_and_the_newest_in_the_end() {
        loom::model(|| {
            let (mut writer, mut reader) = channel(GROUPS);
            let writing = thread::spawn(move || {
                let mut table = GroupTable::new(GROUPS);
                publish(&mut writer, &mut table, 1, &WATCHED);
                publish(&mut writer, &mut table, 2, &WATCHED[1..]);
                publish(&mut writer, &mut table, 3, &WATCHED);
                // The first to use a buffer that the reader has used before.
                publish(&mut writer, &mut table, 4, &WATCHED[..1]);
            });
            let mut last = 0;
            for _ in 0..2 {
                if reader.refresh() {
                    let sequence = reader.stamp().sequence;
                    assert!(sequence > last);
                    last = sequence;
                }
                assert_eq!(seen(&reader), expected(last));
            }
            writing.join().unwrap();
            reader.refresh();
            assert_eq!(reader.stamp().sequence, 4);
            assert_eq!(seen(&reader), expected(4));
        });
    }

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }

    /// A lost wake-up would leave the reader parked for ever, which loom reports as a deadlock.
    fn an_idle_reader_is_woken(publish_1_and_2: fn(&mut LaneWriter, &mut GroupTable)) {
        loom::model(move || {
            let (mut writer, mut reader) = channel(1);
            let reading = thread::spawn(move || {
                while reader.latest().1.sequence < 2 {
                    if reader.go_idle() {
                        thread::park();
                    }
                }
            });
            let unpark = std::sync::Arc::new(Unpark(reading.thread().clone()));
            writer.set_waker(Waker::from(unpark).into());
            publish_1_and_2(&mut writer, &mut GroupTable::new(1));
            reading.join().unwrap();
        });
    }

    #[test]
    fn a_reader_that_goes_idle_is_always_woken() {
        an_idle_reader_is_woken(|writer, table| {
            publish(writer, table, 1, &[0]);
            publish(writer, table, 2, &[0]);
        });
    }

    #[test]
    fn a_reader_that_goes_idle_between_two_tables_is_woken_after_them() {
        an_idle_reader_is_woken(|writer, table| {
            for sequence in [1, 2] {
                writer.put(table, Stamp { sequence, ..Stamp::default() });
            }
            writer.wake();
        });
    }

    /// The writer's loop has no condition that the reader could keep true: it ends in every
    /// interleaving, also beside a reader that stopped in the middle.
    #[test]
    fn the_writer_never_waits_for_a_reader_that_stopped() {
        loom::model(|| {
            let (mut writer, mut reader) = channel(1);
            let reading = thread::spawn(move || {
                reader.refresh();
                let _ = reader.go_idle();
            });
            let mut table = GroupTable::new(1);
            for sequence in 1..=3 {
                publish(&mut writer, &mut table, sequence, &[0]);
            }
            reading.join().unwrap();
        });
    }
}
