//! SIGHUP: the config is read again. Who may send, devices' keys and destinations hold from then on; the rest does at the
//! next start.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{Config, Door};
use crate::failure::Failure;
use crate::forward::Destinations;
use crate::link::Links;
use crate::log;
use crate::server::Guard;

/// What a reload reads, and whom it tells.
pub(crate) struct Reload<'a> {
    config: &'a Config,
    read: &'a dyn Fn() -> Result<Config, Failure>,
    doors: Vec<Watched>,
    running: Option<(Arc<Destinations>, Arc<Links>)>,
}

/// A listener whose guard can be replaced.
struct Watched {
    door: fn(&Config) -> &Door,
    http2: bool,
    guard: watch::Sender<Arc<Guard>>,
}

impl<'a> Reload<'a> {
    pub(crate) fn new(config: &'a Config, read: &'a dyn Fn() -> Result<Config, Failure>) -> Self {
        Self { config, read, doors: Vec::new(), running: None }
    }

    /// The guard of that listener from now on: the latest that could be read.
    pub(crate) fn watch(
        &mut self,
        door: fn(&Config) -> &Door,
        http2: bool,
    ) -> Result<watch::Receiver<Arc<Guard>>, Failure> {
        let (guard, guards) = watch::channel(Arc::new(Guard::load(door(self.config), http2)?));
        self.doors.push(Watched { door, http2, guard });
        Ok(guards)
    }

    /// What else learns of a new config, once it runs.
    pub(crate) fn tell(&mut self, destinations: Arc<Destinations>, links: Arc<Links>) {
        self.running = Some((destinations, links));
    }

    /// Reads everything again. If any of it is wrong, nothing changes.
    pub(crate) fn reload(&self) {
        match self.try_reload() {
            Ok(later) if later.is_empty() => log::line("SIGHUP: the config is read again"),
            Ok(later) => log::line(format_args!(
                "SIGHUP: the config is read again; restart for what else has changed: {}",
                later.join(", ")
            )),
            Err(failure) => log::warning(format_args!("SIGHUP: nothing has changed: {failure}")),
        }
    }

    /// The keys that differ and take a restart.
    fn try_reload(&self) -> Result<Vec<String>, Failure> {
        let new = (self.read)()?;
        new.spool_options()?;
        let guards: Result<Vec<_>, _> =
            self.doors.iter().map(|watched| Guard::load((watched.door)(&new), watched.http2)).collect();
        let guards = guards?;
        // The last that can go wrong.
        if let Some((destinations, links)) = &self.running {
            destinations.apply(&new.destination)?;
            links.set_keys(&new.devices);
        }
        for (watched, guard) in self.doors.iter().zip(guards) {
            watched.guard.send_replace(Arc::new(guard));
        }
        Ok(self.config.differs_from(&new))
    }
}
