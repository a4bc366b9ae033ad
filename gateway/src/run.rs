//! The gateway itself: everything started, and stopped again in the right order.

use std::fs::DirBuilder;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltel_spool::{OpenError, Spool};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::{self, Admin};
use crate::config::{self, Config, Door};
use crate::failure::Failure;
use crate::forward::Destinations;
use crate::ledger::Ledger;
use crate::link::{Decoders, Devices, Links};
use crate::log;
use crate::loss::Losses;
use crate::notify;
use crate::receive::Receiver;
use crate::reload::Reload;
use crate::server::{self, Handler, Listener};
use crate::warnings;

/// Runs until SIGTERM or SIGINT. `read` reads the configuration again, at SIGHUP.
pub(crate) fn run(config: &Config, read: &dyn Fn() -> Result<Config, Failure>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::other(format!("cannot start: {error}; try again")))?;
    // Before anything else: who reads where it listens may ask it to stop.
    let signals = Signals::new(&runtime)?;
    if config.own_logs {
        warnings::keep();
    }
    let mut reload = Reload::new(config, read);
    let http = listen::<Receiver>(config, &mut reload, |config| &config.http, "OTLP/HTTP", "--http")?;
    let grpc = listen::<Receiver>(config, &mut reload, |config| &config.grpc, "OTLP/gRPC", "--grpc")?;
    let link = link(config)?;
    let admin = listen::<Admin>(config, &mut reload, |config| &config.admin, "the admin page", "--admin")?;
    let spool = open_spool(config)?;
    let ledger = Arc::new(Ledger::default());
    let destinations = Arc::new(Destinations::start(spool.clone(), &config.destination)?);
    let targets: Vec<_> = config.destination.iter().map(config::Destination::shown).collect();
    log::line(format_args!(
        "data in {}, forwarding to {}",
        config.data_dir.display(),
        targets.join(", and to ")
    ));

    let limits = config.limits.clone();
    let receiver = Arc::new(Receiver::new(spool.clone(), ledger.clone(), destinations.clone(), limits));
    let devices = Arc::new(Devices::default());
    let decoders = Decoders::new(config.defmt.place());
    let links = Links::new(spool.clone(), ledger.clone(), devices.clone(), &config.devices, decoders);
    runtime.spawn(Losses::new(spool.clone(), devices.clone()).watch());
    reload.tell(destinations.clone(), links.clone());
    let page = Arc::new(Admin {
        spool: spool.clone(),
        devices,
        ledger: ledger.clone(),
        destinations: destinations.clone(),
        started: Instant::now(),
    });
    let running = (runtime, signals);
    let deadline =
        serve(running, config, &reload, &ledger, ([http, grpc], receiver), (link, links), (admin, page));
    destinations.drain(deadline);
    close(&spool, deadline)
}

/// Serves until a signal says to stop; returns by when all has to be over.
fn serve(
    (runtime, mut signals): (Runtime, Signals),
    config: &Config,
    reload: &Reload<'_>,
    ledger: &Arc<Ledger>,
    (otlp, receiver): ([Option<Listener>; 2], Arc<Receiver>),
    (link, links): (Option<TcpListener>, Arc<Links>),
    (admin, page): (Option<Listener>, Arc<Admin>),
) -> Instant {
    let deadline = runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let otlp = otlp.into_iter().flatten();
        let mut servers: Vec<_> =
            otlp.map(|listener| spawn(listener, receiver.clone(), config, ledger, &stopped)).collect();
        for line in &config.serial {
            servers.push(tokio::spawn(links.clone().serial(line.clone(), stopped.clone())));
        }
        let connections = config.limits.connections;
        servers.extend(
            link.map(|socket| tokio::spawn(links.clone().listen(socket, connections, stopped.clone()))),
        );
        servers.extend(admin.map(|listener| spawn(listener, page.clone(), config, ledger, &stopped)));
        notify::say(notify::READY);
        tokio::spawn(notify::alive());
        tokio::spawn(warnings::tell(page.spool.clone()));
        if let Some(seconds) = config.own_metrics_seconds {
            tokio::spawn(admin::tell(page.clone(), Duration::from_secs(seconds.into())));
        }
        signals.wait(reload).await;
        notify::say(notify::STOPPING);
        let deadline = Instant::now() + config.shutdown();
        _ = stop.send(true);
        for server in servers {
            _ = tokio::time::timeout_at(deadline.into(), server).await;
        }
        _ = tokio::time::timeout_at(deadline.into(), links.rest()).await;
        deadline
    });
    // Connections that are still open end here; what was acknowledged is in the spool.
    runtime.shutdown_background();
    deadline
}

fn listen<H: Handler>(
    config: &Config,
    reload: &mut Reload<'_>,
    door: fn(&Config) -> &Door,
    what: &str,
    flag: &str,
) -> Result<Option<Listener>, Failure> {
    let guard = reload.watch(door, H::HTTP2)?;
    let door = door(config);
    let Some(address) = door.listen.0 else { return Ok(None) };
    let socket = server::bind(address, what, flag)?;
    let bound = socket.local_addr().map_or_else(|_| address.to_string(), |bound| bound.to_string());
    log::line(format_args!("listening for {what} on {}://{bound}", door.scheme()));
    if door.is_open() {
        log::warning(format_args!(
            "anybody who reaches {bound} can use it ({flag}); give it a token-file or a client-ca-file"
        ));
    }
    if door.is_readable() {
        log::warning(format_args!(
            "what goes to {bound} can be read on the way ({flag}); give it a certificate-file and a key-file"
        ));
    }
    Ok(Some(Listener::new(socket, guard)))
}

fn link(config: &Config) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = config.link.0 else { return Ok(None) };
    let socket = server::bind(address, "devices", "--link")?;
    let bound = socket.local_addr().unwrap_or(address);
    log::line(format_args!("listening for devices on tcp://{bound}"));
    if !bound.ip().is_loopback() && config.devices.is_empty() {
        log::warning(
            "no device can connect, as beyond loopback it needs a key; name them in the config's [devices]",
        );
    }
    Ok(Some(socket))
}

fn open_spool(config: &Config) -> Result<Spool, Failure> {
    let dir = &config.data_dir;
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
        let dir = dir.display();
        Failure::other(format!("cannot make the data directory {dir}: {error}; choose another --data-dir"))
    })?;
    let spool = Spool::open(config.spool_dir(), config.spool_options()?).map_err(unusable)?;
    let stats = spool.stats();
    if let Some(warning) = stats.warning {
        log::warning(warning);
    }
    if stats.quarantined > 0 {
        log::warning(format_args!(
            "{} damaged segments were copied to the spool's quarantine",
            stats.quarantined
        ));
    }
    Ok(spool)
}

/// The spool cannot be used: says how to mend it.
pub(crate) fn unusable(error: OpenError) -> Failure {
    let mend = match error {
        OpenError::InUse { .. } => "stop that process, or choose another --data-dir",
        OpenError::Newer { .. } => "or choose another --data-dir",
        OpenError::NoKey | OpenError::WrongKey => "name its file as spool.key-file in the config",
        OpenError::Options(_) => "mend the config's [spool]",
        OpenError::Io { .. } => "mend the directory, or choose another --data-dir",
    };
    Failure::other(format!("{error}; {mend}"))
}

fn spawn<H: Handler>(
    listener: Listener,
    handler: Arc<H>,
    config: &Config,
    ledger: &Arc<Ledger>,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (limits, ledger) = (config.limits.clone(), ledger.clone());
    tokio::spawn(server::serve(listener, handler, limits, ledger, stopped.clone()))
}

/// Makes durable what was released, so that it is not sent again.
fn close(spool: &Spool, deadline: Instant) -> Result<(), Failure> {
    const AT_LEAST: Duration = Duration::from_secs(1);
    let within = deadline.saturating_duration_since(Instant::now()).max(AT_LEAST);
    match spool.close(within) {
        Ok(()) => log::line("stopped"),
        Err(smoltel_spool::Error::Deadline) => log::warning("stopped before the spool's disk was done"),
        Err(error) => return Err(Failure::other(format!("{error}; what is in the spool is kept"))),
    }
    Ok(())
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn new(runtime: &Runtime) -> Result<Self, Failure> {
        let _within = runtime.enter();
        let listen =
            |kind| signal(kind).map_err(|error| Failure::other(format!("cannot wait for signals: {error}")));
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
            hup: listen(SignalKind::hangup())?,
        })
    }

    /// Until the program is to end; reloads when it is asked to.
    async fn wait(&mut self, reload: &Reload<'_>) {
        loop {
            tokio::select! {
                _ = self.term.recv() => break,
                _ = self.int.recv() => break,
                _ = self.hup.recv() => reload.reload(),
            }
        }
        log::line("stopping");
    }
}
