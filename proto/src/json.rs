//! OTLP/JSON to protobuf and back, by the field table, with no structs in between.

mod read;
mod scalar;
mod text;
mod write;

pub use read::{JsonError, from_json};
pub use write::to_json;

use crate::table::{BAD_REQUEST, Message, RETRY_INFO};

/// The message that an `Any`'s type URL names, of those that OTLP uses in answers.
fn any_type(url: &str) -> Option<&'static Message> {
    let name = url.rsplit('/').next()?;
    [&RETRY_INFO, &BAD_REQUEST].into_iter().find(|message| message.name == name)
}
