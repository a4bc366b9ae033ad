/// Which attributes of a measurement tell its point.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub(crate) enum Filter {
    All,
    Only(&'static [&'static str]),
    Without(&'static [&'static str]),
}

impl Filter {
    /// Whether nothing is left out.
    #[inline(always)]
    pub(crate) const fn is_all(self) -> bool {
        matches!(self, Self::All)
    }

    /// Whether the attribute of that key stays.
    pub(crate) fn keeps(self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(keys) => keys.contains(&key),
            Self::Without(keys) => !keys.contains(&key),
        }
    }
}
