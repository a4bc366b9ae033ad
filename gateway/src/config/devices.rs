use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smoltel_core::link::{Key, MAX_ID};

use crate::failure::Failure;

/// The devices that have a key, by id.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Devices {
    devices: BTreeMap<String, Entry>,
    #[serde(skip)]
    keys: HashMap<Vec<u8>, Key>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Entry {
    key_file: PathBuf,
}

impl Devices {
    /// Reads the keys.
    pub(super) fn checked(mut self) -> Result<Self, Failure> {
        for (name, entry) in &self.devices {
            let id = id(name).ok_or_else(|| {
                Failure::usage(format!(
                    "the config's devices.{name:?} is no id of a device; write 1 to {MAX_ID} bytes, as text or in hexadecimal behind 0x"
                ))
            })?;
            let key = smoltel_spool::Key::read(&entry.key_file);
            let key =
                key.map_err(|error| Failure::usage(format!("{error}; it is the config's devices.{name:?}")))?;
            self.keys.insert(id, Key::new(*key.as_bytes()));
        }
        Ok(self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    pub(crate) fn keys(&self) -> HashMap<Vec<u8>, Key> {
        self.keys.clone()
    }
}

/// An id as the device says it.
fn id(name: &str) -> Option<Vec<u8>> {
    let id = match name.strip_prefix("0x") {
        Some(digits) if digits.is_ascii() && digits.len() % 2 == 0 => {
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
            (0..digits.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?
        }
        _ => name.as_bytes().to_vec(),
    };
    (1..=MAX_ID).contains(&id.len()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_text_or_hexadecimal() {
        assert_eq!(id("thermostat-0042"), Some(b"thermostat-0042".to_vec()));
        assert_eq!(id("0x00ff"), Some(vec![0, 0xFF]));
        assert_eq!([id(""), id("0x"), id("0xfg"), id("a name of 16 byt")], [const { None }; 4]);
    }
}
