//! Man pages and the shells' completions are those of the command line. To make them anew:
//! `GENERATE=1 cargo test -p smoltel-gateway --test generated`.

#[path = "../src/cli.rs"]
#[allow(dead_code, unreachable_pub, reason = "only the command line's shape is of interest")]
mod cli;
#[path = "../src/failure.rs"]
#[allow(dead_code, reason = "it comes with the command line")]
mod failure;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};

fn generate(to: &Path) {
    // Nothing of it is to change with each version.
    let command = cli::Cli::command().version(None);
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        generate_to(shell, &mut command.clone(), "smoltel-gateway", to).unwrap();
    }
    clap_mangen::generate_to(command, to).unwrap();
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

#[test]
fn man_pages_and_completions_are_those_of_the_command_line() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("generated");
    if std::env::var_os("GENERATE").is_some() {
        _ = fs::remove_dir_all(&kept);
        fs::create_dir_all(&kept).unwrap();
        generate(&kept);
    }
    let made = tempfile::tempdir().unwrap();
    generate(made.path());
    let (kept, made) = (files(&kept), files(made.path()));
    let differing: Vec<_> =
        made.keys().chain(kept.keys()).filter(|name| kept.get(*name) != made.get(*name)).collect();
    assert!(differing.is_empty(), "make them anew, as it says above: {differing:?}");
    assert!(
        made["smoltel-gateway.1"].contains("upstream") && made["smoltel-gateway.bash"].contains("quarantine")
    );
}
