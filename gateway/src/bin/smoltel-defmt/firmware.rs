use std::fs;
use std::path::Path;

use defmt_decoder::{Encoding, Locations, Table};
use object::Object;

use crate::record::record;

/// What an ELF says of its frames.
pub(crate) struct Firmware {
    table: Table,
    /// Empty if it has no debug information.
    locations: Locations,
}

/// The longest ELF that is looked at, and how many are.
const LONGEST: u64 = 64 << 20;
const MOST: usize = 4096;

impl Firmware {
    /// The one in `dir` whose build id begins with these hexadecimal digits; otherwise why there is none.
    pub(crate) fn find(dir: &Path, build: &str) -> Result<Self, String> {
        let entries = fs::read_dir(dir).map_err(|error| format!("cannot read {}: {error}", dir.display()))?;
        for path in entries.flatten().take(MOST).map(|entry| entry.path()) {
            let is_elf = fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= LONGEST);
            let Some(elf) = is_elf.then(|| fs::read(&path).ok()).flatten() else { continue };
            if build_id(&elf).is_some_and(|id| id.starts_with(build)) {
                return Self::read(&elf).map_err(|why| format!("{}: {why}", path.display()));
            }
        }
        Err(format!("no ELF in {} has that build id", dir.display()))
    }

    fn read(elf: &[u8]) -> Result<Self, String> {
        let table = Table::parse(elf).map_err(|error| error.to_string())?.ok_or("it uses no defmt")?;
        if table.encoding() != Encoding::Rzcobs {
            return Err("its frames are not in rzCOBS; build it with defmt's encoding-rzcobs".to_owned());
        }
        let locations = table.get_locations(elf).unwrap_or_default();
        Ok(Self { table, locations })
    }

    /// The log record that a frame is, which has its zero behind it; `None` if it is none of this firmware.
    pub(crate) fn record(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut stream = self.table.new_stream_decoder();
        stream.received(frame);
        let frame = stream.decode().ok()?;
        record(&frame, self.locations.get(&frame.index()))
    }
}

/// Of an ELF, in hexadecimal.
fn build_id(elf: &[u8]) -> Option<String> {
    let elf = object::File::parse(elf).ok()?;
    let id = elf.build_id().ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}
