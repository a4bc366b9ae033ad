//! Numbers in the bytes of a point. Offsets come from the layout and are in range; one that is not reads
//! zero and writes nothing.

pub(super) fn get<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

pub(super) fn set<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value;
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(get(bytes, at))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(get(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(get(bytes, at))
}

pub(super) fn f64_at(bytes: &[u8], at: usize) -> f64 {
    f64::from_bits(u64_at(bytes, at))
}

pub(super) fn set_u64(bytes: &mut [u8], at: usize, value: u64) {
    set(bytes, at, value.to_le_bytes());
}

pub(super) fn set_f64(bytes: &mut [u8], at: usize, value: f64) {
    set_u64(bytes, at, value.to_bits());
}

/// Counts of 4 or 8 bytes each.
pub(super) struct Cells<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) width: usize,
}

impl Cells<'_> {
    pub(super) fn get(&self, i: usize) -> u64 {
        let at = i * self.width;
        if self.width == 4 { u32_at(self.bytes, at).into() } else { u64_at(self.bytes, at) }
    }

    /// Sets a count; what is above the most that fits, which is left out.
    pub(super) fn set(&mut self, i: usize, count: u64) -> u64 {
        let at = i * self.width;
        if self.width != 4 {
            set_u64(self.bytes, at, count);
            return 0;
        }
        let kept = u32::try_from(count).unwrap_or(u32::MAX);
        set(self.bytes, at, kept.to_le_bytes());
        count - u64::from(kept)
    }

    /// Counts one more; whether there was room to. What has 64 bits has room for ever.
    #[inline(always)]
    pub(super) fn count(&mut self, i: usize) -> bool {
        let cell = self.bytes.get_mut(i * self.width..).unwrap_or_default();
        if self.width != 4 {
            let cell = cell.first_chunk_mut();
            return cell
                .map(|cell| *cell = u64::from_le_bytes(*cell).wrapping_add(1).to_le_bytes())
                .is_some();
        }
        let Some(cell) = cell.first_chunk_mut() else { return false };
        let more = u32::from_le_bytes(*cell).checked_add(1);
        more.map(|more| *cell = more.to_le_bytes()).is_some()
    }
}
