use std::cell::RefCell;

use tracing_core::span::Id;

use crate::context::Entered;

thread_local! {
    /// The spans that this thread has entered, of whichever layer, the last one last.
    static ENTERED: RefCell<Vec<(usize, u64, Entered)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps `entered` until [`exit`]. `layer` tells the ids of one registry from those of another.
pub(super) fn enter(layer: usize, id: &Id, entered: Entered) {
    // On a thread that is ending nothing is current any more.
    let _ = ENTERED.try_with(|all| all.borrow_mut().push((layer, id.into_u64(), entered)));
}

/// Leaves what was entered last with that id; `tracing` lets threads leave spans in any order.
pub(super) fn exit(layer: usize, id: &Id) {
    let left = ENTERED.try_with(|all| {
        let mut all = all.borrow_mut();
        let place = all.iter().rposition(|(of, entered, _)| (*of, *entered) == (layer, id.into_u64()))?;
        Some(all.remove(place))
    });
    drop(left);
}
