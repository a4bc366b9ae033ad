use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use smoltel::Signal;

/// Some signals, at least one; written as a list of their names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    pub(super) fn have(&self, signal: Signal) -> bool {
        self.0.contains(&signal)
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self(Signal::ALL.to_vec())
    }
}

impl Serialize for Signals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|signal| signal.name()))
    }
}

impl<'de> Deserialize<'de> for Signals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const NAMES: &[&str] = &["traces", "metrics", "logs"];
        let known = |name: &String| Signal::ALL.into_iter().find(|signal| signal.name() == *name);
        let names = Vec::<String>::deserialize(deserializer)?;
        if names.is_empty() {
            return Err(D::Error::custom(
                "a destination takes at least one signal; leave `signals` out for all",
            ));
        }
        let all = names.iter().map(|name| known(name).ok_or_else(|| D::Error::unknown_variant(name, NAMES)));
        all.collect::<Result<_, _>>().map(Self)
    }
}
