fn main() {
    let endpoint = std::env::args().nth(1).expect("an endpoint");
    let telemetry = smoltel::Telemetry::builder("smallest").endpoint(endpoint).build().expect("settings that work");
    telemetry.tracer("smallest").start("only").end();
    assert_eq!(telemetry.shutdown(std::time::Duration::from_secs(5)).exported, 1);
}
