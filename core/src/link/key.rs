//! What seals frames: XChaCha20-Poly1305 under a device's key.

use core::fmt;

/// A device's key. Without the feature `link-aead` there is none, and no code for it.
///
/// ```
/// # #[cfg(feature = "link-aead")] {
/// use smoltel_core::link::Key;
/// assert_eq!(format!("{:?}", Key::new([7; 32])), "Key(hidden)");
/// # }
/// ```
#[cfg(feature = "link-aead")]
#[derive(Clone)]
pub struct Key([u8; 32]);

/// A device's key, which needs the feature `link-aead`: without it there is none.
///
/// ```
/// use smoltel_core::link::Key;
/// let none: Option<Key> = None;
/// assert!(none.is_none());
/// ```
#[cfg(not(feature = "link-aead"))]
#[derive(Clone)]
pub enum Key {}

pub(super) type Nonce = [u8; 24];
pub(super) type Tag = [u8; 16];

#[cfg(feature = "link-aead")]
impl Key {
    /// Of 32 secret bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn cipher(&self) -> chacha20poly1305::XChaCha20Poly1305 {
        chacha20poly1305::KeyInit::new(&self.0.into())
    }

    /// Encrypts `text` in place. Fails only for more bytes than a frame can have.
    pub(super) fn encrypt(&self, nonce: &Nonce, clear: &[u8], text: &mut [u8]) -> Option<Tag> {
        use chacha20poly1305::AeadInOut;
        let tag = self.cipher().encrypt_inout_detached(&(*nonce).into(), clear, text.into());
        tag.ok().map(Into::into)
    }

    /// Decrypts `text` in place, if it and `clear` are what the tag was made of; otherwise leaves it.
    pub(super) fn decrypt(&self, nonce: &Nonce, clear: &[u8], text: &mut [u8], tag: &Tag) -> Option<()> {
        use chacha20poly1305::AeadInOut;
        self.cipher().decrypt_inout_detached(&(*nonce).into(), clear, text.into(), &(*tag).into()).ok()
    }
}

#[cfg(not(feature = "link-aead"))]
impl Key {
    pub(super) fn encrypt(&self, _: &Nonce, _: &[u8], _: &mut [u8]) -> Option<Tag> {
        match *self {}
    }

    pub(super) fn decrypt(&self, _: &Nonce, _: &[u8], _: &mut [u8], _: &Tag) -> Option<()> {
        match *self {}
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}
