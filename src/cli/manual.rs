//! `completions SHELL` and `man`: what a package installs beside the program,
//! made from the command line itself.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::output::bytes;
use super::{Done, Exit, No, command_line};

#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell's.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Args)]
pub(crate) struct ManArgs {
    /// Write the pages of all subcommands into this directory, in place of
    /// lanegate(1) to standard output.
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs) -> Done {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(), "lanegate", &mut out);
    bytes(&out);
    Ok(Exit::Done)
}

pub(crate) fn man(args: &ManArgs) -> Done {
    let command = command_line();
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        let made = clap_mangen::Man::new(command).render(&mut page);
        made.map_err(|why| No::new(Exit::Io, why.to_string()))?;
        bytes(&page);
        return Ok(Exit::Done);
    };
    fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(command, dir))
        .map_err(|why| No::new(Exit::Io, format!("{}: {why}", dir.display())))?;
    Ok(Exit::Done)
}
