//! Encryption at rest: the master key, and the key of a segment that comes from it. See docs/SPOOL.md, "Codec and cipher".

#[cfg(not(feature = "encryption"))]
pub use absent::Key;
#[cfg(not(feature = "encryption"))]
pub(crate) use absent::SegmentKey;
#[cfg(feature = "encryption")]
pub use present::Key;
#[cfg(feature = "encryption")]
pub(crate) use present::SegmentKey;

/// How much longer a payload is when it is encrypted.
pub(crate) const TAG_LEN: u32 = 16;

#[cfg(feature = "encryption")]
mod present {
    use std::fmt;
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::atomic::{AtomicU32, Ordering};

    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
    use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
    use zeroize::Zeroizing;

    use super::TAG_LEN;
    use crate::error::OpenError;
    use crate::format::segment::SegmentHeader;

    const KEY_LEN: usize = 32;
    const CHECK_LEN: usize = 4;
    const INFO: &[u8] = b"smoltel spool 1";

    /// The key that payloads are encrypted with at rest: 32 bytes that nobody can guess, such as `openssl rand 32` gives.
    /// It does not show in `Debug`, and is wiped from memory when it is dropped.
    ///
    /// ```
    /// use smoltel_spool::{Key, Options};
    ///
    /// # let random = [7; 32];
    /// let options = Options { key: Some(Key::new(random)), ..Options::default() };
    /// assert!(format!("{options:?}").contains("Key(hidden)"));
    /// ```
    #[derive(Clone, PartialEq, Eq)]
    pub struct Key(Zeroizing<[u8; KEY_LEN]>);

    impl Key {
        /// A key from its bytes.
        pub fn new(bytes: [u8; KEY_LEN]) -> Key {
            Key(Zeroizing::new(bytes))
        }

        /// Its bytes, for somebody else's cipher. Keep them out of sight.
        pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
            &self.0
        }

        /// Reads a key from a file that only its owner, and a group at most, may read: 32 bytes, or 64 hexadecimal digits with or without an end of line.
        ///
        /// # Errors
        /// The file cannot be read, others may read it, or it holds something else.
        pub fn read(path: impl AsRef<Path>) -> Result<Key, OpenError> {
            let path = path.as_ref();
            let io = |source| OpenError::Io { doing: "read the key", path: path.into(), source };
            let problem = |what: &str| OpenError::Options(format!("the key file {}: {what}", path.display()));
            let mut file = File::open(path).map_err(io)?;
            if file.metadata().map_err(io)?.permissions().mode() & 0o007 != 0 {
                return Err(problem("others may read it; chmod 640 it, and consider another key"));
            }
            // One byte more than the longest that makes sense.
            let mut bytes = Zeroizing::new([0; 2 * KEY_LEN + 3]);
            let mut len = 0;
            loop {
                match file.read(&mut bytes[len..]).map_err(io)? {
                    0 => break,
                    n => len += n,
                }
            }
            parse(&bytes[..len]).ok_or_else(|| problem("it has to hold 32 bytes, or 64 hexadecimal digits"))
        }

        /// The key of a segment.
        pub(crate) fn segment(&self, uuid: [u8; 16], salt: [u8; 8], generation: u64) -> SegmentKey {
            let salt = [&uuid[..], &salt[..]].concat();
            let extracted = Salt::new(HKDF_SHA256, &salt).extract(&self.0[..]);
            let generation = generation.to_le_bytes();
            let info = [INFO, &generation];
            let mut bytes = Zeroizing::new([0; KEY_LEN + CHECK_LEN]);
            let filled = extracted.expand(&info, Output).and_then(|output| output.fill(&mut bytes[..]));
            filled.expect("36 bytes are less than HKDF gives at most");
            let (key, check) = bytes.split_at(KEY_LEN);
            let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("the cipher's keys have 32 bytes");
            SegmentKey {
                aead: LessSafeKey::new(key),
                check: std::array::from_fn(|at| check[at]),
                next: AtomicU32::new(0),
            }
        }

        /// The segment's key, if this is the one it was written with.
        pub(crate) fn unlock(&self, header: &SegmentHeader) -> Option<SegmentKey> {
            let key = self.segment(header.uuid, header.salt, header.generation);
            (header.key_check == Some(key.check)).then_some(key)
        }
    }

    impl fmt::Debug for Key {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Key(hidden)")
        }
    }

    fn parse(bytes: &[u8]) -> Option<Key> {
        if let Ok(bytes) = bytes.try_into() {
            return Some(Key::new(bytes));
        }
        let digits = bytes.trim_ascii_end();
        if digits.len() != 2 * KEY_LEN {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let mut key = Zeroizing::new([0; KEY_LEN]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Key(key))
    }

    struct Output;

    impl KeyType for Output {
        fn len(&self) -> usize {
            KEY_LEN + CHECK_LEN
        }
    }

    /// Encrypts and decrypts the payloads of one segment.
    #[derive(Debug)]
    pub(crate) struct SegmentKey {
        aead: LessSafeKey,
        check: [u8; CHECK_LEN],
        /// Offsets below it are used up.
        next: AtomicU32,
    }

    impl SegmentKey {
        /// What the segment's header says of the key.
        pub(crate) fn check(&self) -> [u8; CHECK_LEN] {
            self.check
        }

        /// Encrypts the payload of the record at `offset`; returns the tag. An offset must not be used twice.
        pub(crate) fn seal(&self, offset: u32, about: &[u8], payload: &mut [u8]) -> [u8; TAG_LEN as usize] {
            let next = self.next.swap(offset + 1, Ordering::Relaxed);
            debug_assert!(offset >= next, "an offset below {next} is used again: {offset}");
            let tag = self.aead.seal_in_place_separate_tag(nonce(offset), Aad::from(about), payload);
            let tag = tag.expect("a segment is shorter than what the cipher takes at most");
            std::array::from_fn(|at| tag.as_ref()[at])
        }

        /// Decrypts the payload of the record at `offset`, and cuts off its tag; false if they are not what was written there.
        pub(crate) fn open(&self, offset: u32, about: &[u8], payload: &mut Vec<u8>) -> bool {
            let plain = self.aead.open_in_place(nonce(offset), Aad::from(about), payload);
            let len = plain.as_ref().map_or(0, |plain| plain.len());
            let opened = plain.is_ok();
            payload.truncate(len);
            opened
        }
    }

    fn nonce(offset: u32) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&u64::from(offset).to_le_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

#[cfg(not(feature = "encryption"))]
mod absent {
    use super::TAG_LEN;
    use crate::format::segment::SegmentHeader;

    /// There is none: this is a build without the feature `encryption`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Key {}

    impl Key {
        pub(crate) fn segment(&self, _: [u8; 16], _: [u8; 8], _: u64) -> SegmentKey {
            match *self {}
        }

        pub(crate) fn unlock(&self, _: &SegmentHeader) -> Option<SegmentKey> {
            match *self {}
        }
    }

    #[derive(Debug)]
    pub(crate) enum SegmentKey {}

    impl SegmentKey {
        pub(crate) fn check(&self) -> [u8; 4] {
            match *self {}
        }

        pub(crate) fn seal(&self, _: u32, _: &[u8], _: &mut [u8]) -> [u8; TAG_LEN as usize] {
            match *self {}
        }

        pub(crate) fn open(&self, _: u32, _: &[u8], _: &mut Vec<u8>) -> bool {
            match *self {}
        }
    }
}

#[cfg(all(test, feature = "encryption"))]
mod tests {
    use super::*;

    /// The expected bytes come from another implementation of docs/SPOOL.md, on Python's `cryptography`.
    #[test]
    fn a_segment_is_written_as_others_would_read_it() {
        let master = Key::new(std::array::from_fn(|at| at as u8));
        let uuid = std::array::from_fn(|at| 100 + at as u8);
        let key = master.segment(uuid, std::array::from_fn(|at| 200 + at as u8), 7);
        assert_eq!(key.check(), [0xea, 0xa4, 0x24, 0xc0]);
        let mut payload = b"hello".to_vec();
        let tag = key.seal(4096, &[9; 100], &mut payload);
        payload.extend(tag);
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "945ddc51683529be5bb0b3780a5a8a1c9b37c3dad8");
        assert!(key.open(4096, &[9; 100], &mut payload));
        assert_eq!(payload, b"hello");
    }
}
