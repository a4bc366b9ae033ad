//! Several records with one answer.

use std::sync::Arc;

use crate::error::AppendError;
use crate::shared::Done;
use crate::sync::{self, Mutex};

type DoneAll = Box<dyn FnOnce(Result<(), AppendError>) + Send>;

/// Collects the answers of all, and gives one.
#[derive(Clone)]
pub(crate) struct Together(Arc<Mutex<Waiting>>);

struct Waiting {
    left: usize,
    result: Result<(), AppendError>,
    done: Option<DoneAll>,
}

impl Together {
    pub(crate) fn new(count: usize, done: DoneAll) -> Together {
        Together(Arc::new(Mutex::new(Waiting { left: count, result: Ok(()), done: Some(done) })))
    }

    /// The completion of one of them.
    pub(crate) fn part(&self) -> Done {
        let together = self.clone();
        Box::new(move |result| together.answer(result.map(|_| ())))
    }

    fn answer(&self, result: Result<(), AppendError>) {
        let mut waiting = sync::lock(&self.0);
        waiting.left -= 1;
        if waiting.result.is_ok() {
            waiting.result = result;
        }
        if waiting.left == 0 {
            let (done, result) = (waiting.done.take(), waiting.result.clone());
            drop(waiting);
            if let Some(done) = done {
                done(result);
            }
        }
    }
}
