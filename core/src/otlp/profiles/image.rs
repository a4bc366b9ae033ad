use core::ops::Range;

use super::{Location, MAX_FRAMES, Mapping, MappingIndex, Profile, Refused, StackIndex};

/// The firmware that addresses belong to.
///
/// ```
/// use smoltel_core::otlp::profiles::Image;
/// let image = Image { file: "thermostat.elf", build_id: &[0xC0, 0xDE], addresses: 0x0800_0000..0x0802_0000 };
/// # let _ = image;
/// ```
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The GNU build id that the linker has put into it: up to 32 bytes, or none.
    pub build_id: &'a [u8],
    /// Where its code is.
    pub addresses: Range<u64>,
}

impl Profile<'_> {
    /// The mapping of a firmware, with its build id as an attribute: with it whoever has the file can say
    /// which function an address is in.
    pub fn image(&mut self, image: &Image<'_>) -> Result<MappingIndex, Refused> {
        let mut hex = [0; 2 * 32];
        let text = hex_text(image.build_id, &mut hex).ok_or(Refused::Shape)?;
        let build_id = match text {
            "" => None,
            text => Some(self.attribute("process.executable.build_id.gnu", text, "")?),
        };
        let file = self.string(image.file)?;
        let Range { start: memory_start, end: memory_limit } = image.addresses;
        let attributes = build_id.as_slice();
        Ok(self.mapping(&Mapping { memory_start, memory_limit, file_offset: 0, file, attributes })?)
    }

    /// The stack of these addresses, the innermost first; at most [`MAX_FRAMES`].
    pub fn addresses(&mut self, mapping: MappingIndex, addresses: &[u64]) -> Result<StackIndex, Refused> {
        let mut locations = heapless::Vec::<_, MAX_FRAMES>::new();
        for &address in addresses {
            let location = self.location(&Location { mapping, address, ..Location::default() })?;
            locations.push(location).map_err(|_| Refused::Shape)?;
        }
        Ok(self.stack(&locations)?)
    }
}

/// Bytes as hexadecimal digits.
fn hex_text<'b>(bytes: &[u8], out: &'b mut [u8; 64]) -> Option<&'b str> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let out = out.get_mut(..2 * bytes.len())?;
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    core::str::from_utf8(out).ok()
}
