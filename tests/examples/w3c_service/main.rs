//! A service that carries trace context on, for the test suite of W3C Trace Context to drive.
//!
//! ```console
//! $ cargo run -p smoltel-tests --example w3c_service -- 127.0.0.1:5000
//! $ python test/test.py http://127.0.0.1:5000/    # in a clone of w3c/trace-context
//! ```

mod service;

use std::net::TcpListener;

use smoltel::Telemetry;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5000".into());
    let telemetry = Telemetry::builder("w3c-service").build()?;
    let listener = TcpListener::bind(address)?;
    println!("listening on http://{}/", listener.local_addr()?);
    service::serve(&listener, &telemetry.tracer("w3c-service"));
    Ok(())
}
