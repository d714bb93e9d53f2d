//! `lanegate`: arguments to subcommand to exit code.

fn main() {}
