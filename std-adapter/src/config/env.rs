//! Environment variables by the rules of OpenTelemetry's specification: an empty one is unset, and one
//! that cannot be understood is reported once and treated as unset.

use std::time::Duration;

/// Looks variables up and remembers what was wrong with them.
pub(crate) struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl<'a> Env<'a> {
    pub(crate) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { get, warnings: Vec::new() }
    }

    /// The variable's text, if it is set and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    /// Only `true`, in any case, is true.
    pub(crate) fn boolean(&mut self, name: &str) -> bool {
        let Some(value) = self.text(name) else { return false };
        let is_true = value.eq_ignore_ascii_case("true");
        if !is_true && !value.eq_ignore_ascii_case("false") {
            self.warn(name, &value, "it has to be true or false; it counts as false");
        }
        is_true
    }

    /// A time in milliseconds.
    pub(crate) fn millis(&mut self, name: &str) -> Option<Duration> {
        let value = self.text(name)?;
        match value.trim().parse::<u64>() {
            Ok(millis) => Some(Duration::from_millis(millis)),
            Err(_) => {
                self.warn(
                    name,
                    &value,
                    "it has to be a whole number of milliseconds, 0 or more; it is ignored",
                );
                None
            }
        }
    }

    /// A list `key=value,key=value` in the form of W3C Baggage: white space around parts is left out,
    /// `%XX` stands for a byte. One mistake and the whole list is ignored.
    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        let value = self.text(name)?;
        let pairs: Option<Vec<_>> =
            value.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect();
        if pairs.is_none() {
            // The value may hold credentials.
            self.warnings.push(format!(
                "{name} has to be a list key=value,key=value with %XX for special bytes; it is ignored"
            ));
        }
        pairs
    }

    /// A whole number from `least` on.
    pub(crate) fn number(&mut self, name: &str, least: u32) -> Option<u32> {
        let value = self.text(name)?;
        let number = value.trim().parse().ok().filter(|number| *number >= least);
        if number.is_none() {
            self.warn(name, &value, &format!("it has to be a whole number, {least} or more; it is ignored"));
        }
        number
    }

    /// What a word stands for, in any case; another word is ignored.
    pub(crate) fn choice<T: Clone>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.text(name)?;
        let found = words.iter().find(|(word, _)| value.eq_ignore_ascii_case(word));
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.warn(name, &value, &format!("it has to be one of {}; it is ignored", words.join(", ")));
        }
        found.map(|(_, meaning)| meaning.clone())
    }

    pub(crate) fn warn(&mut self, name: &str, value: &str, why: &str) {
        let warning = format!("{name}={value:?}: {why}");
        // One that counts for several signals is read for each.
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

pub(crate) fn pair(part: &str) -> Option<(String, String)> {
    let (key, value) = part.split_once('=')?;
    let key = percent_decoded(key.trim())?;
    (!key.is_empty()).then_some(())?;
    Some((key, percent_decoded(value.trim())?))
}

/// Text in which `%XX` stands for a byte, if it is text then.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        bytes.push((digit(0)? << 4 | digit(1)?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<R>(value: &str, f: impl FnOnce(&mut Env<'_>) -> R) -> (R, usize) {
        let get = |name: &str| (name == "X").then(|| value.to_owned());
        let mut env = Env::new(&get);
        let result = f(&mut env);
        (result, env.warnings.len())
    }

    #[test]
    fn booleans_are_true_only_by_that_word() {
        for (value, expected) in [
            ("true", (true, 0)),
            ("TRUE", (true, 0)),
            ("false", (false, 0)),
            ("", (false, 0)),
            ("1", (false, 1)),
            ("yes", (false, 1)),
        ] {
            assert_eq!(with(value, |env| env.boolean("X")), expected, "{value}");
        }
    }

    #[test]
    fn times_are_whole_and_not_negative() {
        assert_eq!(with("250", |env| env.millis("X")), (Some(Duration::from_millis(250)), 0));
        for bad in ["-1", "1.5", "5s"] {
            assert_eq!(with(bad, |env| env.millis("X")), (None, 1), "{bad}");
        }
        assert_eq!(with("", |env| env.millis("X")), (None, 0));
    }

    #[test]
    fn large_numbers_and_zero_are_numbers() {
        for millis in [0, 1, 2_147_483_647] {
            let expected = (Some(Duration::from_millis(millis)), 0);
            assert_eq!(with(&millis.to_string(), |env| env.millis("X")), expected);
        }
        assert_eq!(with("99999999999999999999", |env| env.millis("X")), (None, 1));
    }

    #[test]
    fn lists_are_decoded_whole_or_not_at_all() {
        let (list, warnings) = with(" a = b%2Cc , d=e=f ,,", |env| env.list("X"));
        let expected = [("a", "b,c"), ("d", "e=f")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!((list.as_deref(), warnings), (Some(&expected[..]), 0));
        for bad in ["a", "a=b,=c", "a=%2", "a=%zz", "a=%FF"] {
            assert_eq!(with(bad, |env| env.list("X")), (None, 1), "{bad}");
        }
    }
}
