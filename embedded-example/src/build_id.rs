//! The program's build id, which the linker puts into flash for programs that are linked with `build-id.x`.
#![allow(unsafe_code, reason = "only the linker knows where it is")]

unsafe extern "C" {
    /// An ELF note: three lengths, `GNU\0`, the id.
    static __build_id: [u8; 16 + 8];
}

/// The first bytes of the build id, as the link's HELLO says them.
pub fn build_id() -> [u8; 8] {
    let mut id = [0; 8];
    // SAFETY: the linker script puts a note with an id of 20 bytes there, in flash, which nobody writes to.
    let note = unsafe { &__build_id };
    id.copy_from_slice(note.split_at(16).1);
    id
}
