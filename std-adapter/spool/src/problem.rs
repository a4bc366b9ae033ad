//! What can be wrong with a spool, and what that means.

use std::fmt;

/// Something wrong in a spool. Its words say what was found; [`Problem::meaning`] says what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Neither slot of CURSOR can be read.
    Cursor,
    /// One of CURSOR's two slots has been used and cannot be read.
    CursorSlot,
    /// Neither slot of MARKS can be read.
    Marks,
    /// One of MARKS' two slots has been used and cannot be read.
    MarksSlot,
    /// spool.dat does not end with a whole slot.
    PartialSlot {
        /// The bytes behind the last whole one.
        bytes: u64,
    },
    /// A slot's headers cannot be read.
    Slot {
        /// Its position in spool.dat.
        slot: u32,
    },
    /// The disk cannot read all of a slot: what it would say is not known.
    Unread {
        /// Its position in spool.dat.
        slot: u32,
    },
    /// A segment that should be there is not.
    SegmentMissing {
        /// Where it should be.
        slot: u32,
        /// How many records it had.
        records: u32,
    },
    /// Records that were durable cannot be found.
    RecordsMissing {
        /// The segment's slot.
        slot: u32,
        /// How many.
        records: u32,
    },
    /// A record's payload is not what its header says.
    Payload {
        /// The segment's slot.
        slot: u32,
        /// The record.
        sequence: u64,
        /// The items that are lost with it.
        items: u32,
    },
}

impl Problem {
    /// Whether something that was promised is lost by it.
    pub fn loses(&self) -> bool {
        match self {
            Problem::Cursor
            | Problem::CursorSlot
            | Problem::Marks
            | Problem::MarksSlot
            | Problem::PartialSlot { .. }
            | Problem::Unread { .. } => false,
            Problem::Slot { .. }
            | Problem::SegmentMissing { .. }
            | Problem::RecordsMissing { .. }
            | Problem::Payload { .. } => true,
        }
    }

    /// What follows from it, and what the next opening, or a repair, does about it.
    pub fn meaning(&self) -> &'static str {
        match self {
            Problem::Cursor => {
                "nothing stored is lost; what had been released comes again, and the destinations and the ledger begin anew"
            }
            Problem::CursorSlot => {
                "a crash while CURSOR was written leaves this, and the other slot counts; what was released after it was \
                 written comes again"
            }
            Problem::Marks => {
                "records of devices that were delivered before may be taken a second time if they are sent again; opening begins anew"
            }
            Problem::MarksSlot => "a crash while MARKS was written leaves this, and the other slot counts",
            Problem::PartialSlot { .. } => {
                "a crash while the file grew leaves this; opening cuts it off, or fills it up if there is something in it"
            }
            Problem::Slot { .. } => {
                "if the slot was in use its records are lost, and counted; opening copies it to quarantine and then uses it again"
            }
            Problem::Unread { .. } => {
                "nothing is given up for it: opening delivers what can be read, and keeps the slot as it is for an opening that can \
                 read the rest"
            }
            Problem::SegmentMissing { .. } | Problem::RecordsMissing { .. } => {
                "they were stored and the disk no longer has them; opening counts them as corrupt, in items, and copies what is \
                 left of the segment to quarantine"
            }
            Problem::Payload { .. } => {
                "the disk gives back other bytes than it was given; the record is counted as corrupt when its turn comes, or by a repair"
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Cursor => f.write_str("CURSOR cannot be read"),
            Problem::CursorSlot => f.write_str("one of CURSOR's two slots cannot be read"),
            Problem::Marks => f.write_str("MARKS cannot be read"),
            Problem::MarksSlot => f.write_str("one of MARKS' two slots cannot be read"),
            Problem::PartialSlot { bytes } => {
                write!(f, "spool.dat ends with {bytes} bytes that are no whole slot")
            }
            Problem::Slot { slot } => write!(f, "slot {slot}: neither header can be read"),
            Problem::Unread { slot } => write!(f, "slot {slot}: the disk cannot read all of it"),
            Problem::SegmentMissing { slot, records } => {
                write!(f, "slot {slot}: a segment of {records} records is not there")
            }
            Problem::RecordsMissing { slot, records } => {
                write!(f, "slot {slot}: {records} stored records cannot be found")
            }
            Problem::Payload { slot, sequence, items } => {
                write!(f, "slot {slot}: the payload of record {sequence} is damaged, {items} items")
            }
        }
    }
}
