use std::cell::Cell;
use std::fmt::{self, Write};

thread_local! {
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// What is kept for the next time.
const KEEP: usize = 16 << 10;

/// Calls `f` with what `value` writes, in memory that the thread keeps. No lock is held meanwhile: `value` is code of the
/// program's, which may record something itself.
pub(super) fn with_text<R>(value: fmt::Arguments<'_>, f: impl FnOnce(&str) -> R) -> R {
    if let Some(text) = value.as_str() {
        return f(text);
    }
    let mut text = SCRATCH.try_with(Cell::take).unwrap_or_default();
    text.clear();
    // Only code of the program's can fail here: what it wrote until then is what there is.
    let _ = text.write_fmt(value);
    let result = f(&text);
    if text.capacity() <= KEEP {
        let _ = SCRATCH.try_with(|scratch| scratch.set(text));
    }
    result
}

/// An error, and what caused it, in a line each.
pub(super) struct Chain<'a>(pub(super) &'a (dyn std::error::Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        // A chain that leads back to itself ends here, too.
        let mut causes = std::iter::successors(self.0.source(), |error| error.source()).take(32);
        causes.try_for_each(|cause| write!(f, "\nCaused by: {cause}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_formats_another_one_has_its_own_text() {
        let inner = fmt::from_fn(|f| with_text(format_args!("{}!", 1), |text| f.write_str(text)));
        let nested = with_text(format_args!("<{inner}>"), str::to_owned);
        assert_eq!(nested, "<1!>");
        assert_eq!(with_text(format_args!("{}", 2), str::to_owned), "2");
    }
}
