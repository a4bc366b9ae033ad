use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::link::DEFMT_PROGRAM;

/// How devices' defmt streams are read.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Defmt {
    /// Where the ELFs of all firmware are that is out there.
    #[serde(skip_serializing_if = "Option::is_none")]
    elf_dir: Option<PathBuf>,
    #[serde(skip)]
    program: PathBuf,
}

impl Defmt {
    pub(super) fn checked(self) -> Result<Self, Failure> {
        let Some(dir) = &self.elf_dir else { return Ok(self) };
        if !dir.is_dir() {
            let dir = dir.display();
            return Err(Failure::usage(format!(
                "the config's defmt.elf-dir is {dir}, which is no directory"
            )));
        }
        let program = std::env::current_exe().unwrap_or_default().with_file_name(DEFMT_PROGRAM);
        if !program.is_file() {
            return Err(Failure::usage(format!(
                "the config's defmt.elf-dir needs the program {DEFMT_PROGRAM} beside this one; build it with \
                 --features defmt, or leave the key out"
            )));
        }
        Ok(Self { program, ..self })
    }

    /// The decoder's program and the directory of ELFs.
    pub(crate) fn place(&self) -> Option<(PathBuf, PathBuf)> {
        self.elf_dir.clone().map(|dir| (self.program.clone(), dir))
    }
}
