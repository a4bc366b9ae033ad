//! Writes `src/generated/` anew. Run it after a change to a `.proto` file.

mod generator;

fn main() -> std::io::Result<()> {
    for (path, text) in generator::generate() {
        std::fs::write(generator::crate_dir().join(&path), text)?;
        println!("wrote {}", path.display());
    }
    Ok(())
}
