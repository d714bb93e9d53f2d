//! `lanegate`: arguments to subcommand to exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    lanegate::cli::main()
}
