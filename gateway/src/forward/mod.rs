//! Out of the spool, to the destinations.
//!
//! ```text
//!            ┌─▶ Delivery: a destination ─▶ a Worker for each signal ─▶ Target: a pool of endpoints, or the archive
//!  spool ────┤                                        │
//!            └─▶ Delivery …                        Budget, if bytes cost
//! ```

mod budget;
mod delivery;
mod destinations;
mod parts;
mod request;
mod stop;
mod target;
mod worker;

pub(crate) use budget::Budget;
pub(crate) use delivery::Delivery;
pub(crate) use destinations::Destinations;
pub(crate) use request::PLAIN;
pub(crate) use stop::Stop;
pub(crate) use target::Target;
pub(crate) use worker::{Advance, Worker};

/// How delivery of one signal goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    pub(crate) state: State,
    /// The last thing worth saying: the other side's words, or the local error.
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// What comes goes out.
    #[default]
    Flowing,
    /// It waits for the budget.
    Saving,
    /// The other side cannot take it now; it is tried again.
    Retrying,
    /// The other side refuses whatever is sent; one record at a time is tried.
    Holding,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flowing => "flowing",
            Self::Saving => "saving",
            Self::Retrying => "retrying",
            Self::Holding => "holding",
        }
    }
}
