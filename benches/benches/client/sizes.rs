//! The smallest program that exports a span over HTTPS, with each library: the crates in its tree, what building it takes,
//! how large it is. Each is built in a directory of its own, from an empty one, and then sends its span to the collector.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::{collector, lock, machine};

struct Smallest {
    name: &'static str,
    main: &'static str,
    /// Crates and their features.
    needs: &'static [(&'static str, &'static [&'static str])],
}

const SMALLEST: &[Smallest] = &[
    Smallest { name: "an empty `main`", main: "fn main() {}", needs: &[] },
    Smallest {
        name: "ureq, which posts a ready request",
        main: include_str!("smallest/ureq.rs"),
        needs: &[("ureq", &["rustls"])],
    },
    Smallest {
        name: "smoltel, feature `rustls` alone",
        main: include_str!("smallest/smoltel.rs"),
        needs: &[("smoltel", &["rustls"])],
    },
    Smallest {
        name: "smoltel, default features: with gzip and a spool",
        main: include_str!("smallest/smoltel.rs"),
        needs: &[("smoltel", &["default"])],
    },
    Smallest {
        name: "opentelemetry-otlp, blocking reqwest",
        main: include_str!("smallest/opentelemetry.rs"),
        needs: &[
            ("opentelemetry", &["trace"]),
            ("opentelemetry_sdk", &["trace"]),
            ("opentelemetry-otlp", &["http-proto", "reqwest-blocking-client", "reqwest-rustls", "trace"]),
        ],
    },
    Smallest {
        name: "emit_otlp",
        main: include_str!("smallest/emit.rs"),
        needs: &[("emit", &["std", "implicit_rt"]), ("emit_otlp", &["tls"])],
    },
    Smallest {
        name: "fastrace, fastrace-opentelemetry over the same",
        main: include_str!("smallest/fastrace.rs"),
        needs: &[
            ("fastrace", &["enable"]),
            ("fastrace-opentelemetry", &[]),
            ("opentelemetry", &["trace"]),
            ("opentelemetry_sdk", &["trace"]),
            ("opentelemetry-otlp", &["http-proto", "reqwest-blocking-client", "reqwest-rustls", "trace"]),
        ],
    },
];

/// As the workspace builds what it ships, but every crate alike.
const PROFILE: &str = "opt-level = 3\nlto = true\ncodegen-units = 1\npanic = \"abort\"\nstrip = true\n";

/// Of all, or of those whose name has that word.
pub(crate) fn table(word: &str) {
    println!(
        "\n| a span over HTTPS; opt-level 3, fat LTO, panic = abort, stripped | crates + to build | build, CPU s | MB |"
    );
    println!("|---|---|---|---|");
    let endpoint = collector::start();
    for smallest in SMALLEST.iter().filter(|smallest| smallest.name.contains(word)) {
        let folder = tempfile::tempdir().expect("a directory for temporary files");
        smallest.write(folder.path());
        // This also fetches what is missing, so that the build need not.
        let linked = crates(folder.path(), "normal");
        let to_build = crates(folder.path(), "normal,build") - linked;
        let (bytes, seconds) = build(folder.path());
        smallest.run(folder.path(), &endpoint);
        println!("| {} | {linked} + {to_build} | {seconds:.0} | {:.2} |", smallest.name, bytes as f64 / 1e6);
    }
}

impl Smallest {
    /// With the versions that the workspace has.
    fn write(&self, folder: &Path) {
        let mut manifest = format!(
            "[package]\nname = \"smallest\"\nedition = \"2024\"\n[workspace]\n[profile.release]\n{PROFILE}[dependencies]\n"
        );
        for (name, features) in self.needs {
            let source = match *name {
                "smoltel" => format!("path = {:?}", lock::root().join("std-adapter")),
                _ => format!("version = \"={}\"", lock::version_of(name)),
            };
            manifest +=
                &format!("{name} = {{ {source}, default-features = false, features = {features:?} }}\n");
        }
        let write =
            |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("room on the disk");
        std::fs::create_dir(folder.join("src")).expect("room on the disk");
        write("Cargo.toml", &manifest);
        write("Cargo.lock", &lock::text());
        write("src/main.rs", self.main);
    }

    fn run(&self, folder: &Path, endpoint: &str) {
        collector::take_arrived();
        let status = Command::new(folder.join("target/release/smallest")).arg(endpoint).status();
        assert!(status.is_ok_and(|status| status.success()), "{} does not run", self.name);
        let expected = u64::from(!self.needs.is_empty());
        assert_eq!(collector::take_arrived(), expected, "spans of {}", self.name);
    }
}

fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Its own directory for what it builds, which is empty.
    cargo.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = cargo.output().expect("cargo");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How many crates there are by those edges, beside the program itself.
fn crates(folder: &Path, edges: &str) -> usize {
    let tree = cargo(folder, &["tree", "--edges", edges, "--prefix", "none", "--no-dedupe"]);
    tree.lines().filter_map(|line| line.split(" (").next()).collect::<BTreeSet<_>>().len() - 1
}

/// The program's length, and the processor time that it took to build it.
fn build(folder: &Path) -> (u64, f64) {
    let before = machine::cpu_seconds_of_children();
    cargo(folder, &["build", "--release", "--offline"]);
    let program = std::fs::metadata(folder.join("target/release/smallest")).expect("a program");
    (program.len(), machine::cpu_seconds_of_children() - before)
}
