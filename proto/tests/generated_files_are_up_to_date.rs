//! The committed table and types are what the `.proto` files give.

#[path = "../examples/generate/generator.rs"]
mod generator;

#[test]
fn generated_files_are_up_to_date() {
    for (path, expected) in generator::generate() {
        let found = std::fs::read_to_string(generator::crate_dir().join(&path)).unwrap();
        let same = found == expected;
        assert!(same, "{} is old: run `cargo run -p smoltel-proto --example generate`", path.display());
    }
}
