use crate::wire::{Full, Writer, varint};

/// Bytes of varint fields with these numbers and values, of which zeros are not written.
fn numbers_len(fields: &[(u32, u64)]) -> usize {
    fields.iter().filter(|(_, value)| *value != 0).map(|(_, value)| 1 + varint::len(*value)).sum()
}

/// Writes varint fields but for the zeros.
pub(super) fn numbers(w: &mut Writer<'_>, fields: &[(u32, u64)]) -> Result<(), Full> {
    let mut set = fields.iter().filter(|(_, value)| *value != 0);
    set.try_for_each(|&(number, value)| w.varint_field(number, value))
}

/// Writes a packed field of varints, unless it is empty.
pub(super) fn packed(
    w: &mut Writer<'_>,
    number: u32,
    mut values: impl Iterator<Item = u64> + Clone,
) -> Result<(), Full> {
    match values.clone().map(varint::len).sum() {
        0 => Ok(()),
        len => {
            w.head(number, len)?;
            values.try_for_each(|value| w.varint(value))
        }
    }
}

/// Writes a message of varint fields.
pub(super) fn message(w: &mut Writer<'_>, number: u32, fields: &[(u32, u64)]) -> Result<(), Full> {
    w.head(number, numbers_len(fields))?;
    numbers(w, fields)
}
