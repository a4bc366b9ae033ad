//! What only the program `defmt` is linked with: defmt's strings, which stay in the ELF, and the build id by which the gateway
//! finds that. `logger`, which counts what a frame takes, has the strings, too.

fn main() {
    for argument in ["-Tdefmt.x", "-Tbuild-id.x", "--build-id=sha1"] {
        println!("cargo::rustc-link-arg-bin=defmt={argument}");
    }
    println!("cargo::rustc-link-arg-bin=logger=-Tdefmt.x");
    println!("cargo::rerun-if-changed=build-id.x");
    println!("cargo::rerun-if-changed=memory.x");
}
