//! One integration binary: each file is a module, so that they link once.

// `cfg(test)` holds here anyway; said aloud, the lints know these for tests.
#[cfg(feature = "sim")]
#[cfg(test)]
mod book;
#[cfg(feature = "sim")]
#[cfg(test)]
mod cameras;
#[cfg(test)]
mod cli_check;
#[cfg(test)]
mod cli_daemon;
#[cfg(test)]
mod cli_decide;
#[cfg(test)]
mod cli_declarations;
#[cfg(test)]
mod cli_decode;
#[cfg(test)]
mod cli_in_force;
#[cfg(test)]
mod cli_journal;
#[cfg(feature = "sim")]
#[cfg(test)]
mod cli_probe;
#[cfg(test)]
mod cli_recheck;
#[cfg(feature = "sim")]
#[cfg(test)]
mod cli_replay;
#[cfg(feature = "sim")]
#[cfg(test)]
mod cli_simulate;
#[cfg(test)]
mod cli_socket;
#[cfg(test)]
mod cli_support;
#[cfg(test)]
mod cli_usage;
#[cfg(feature = "sim")]
#[cfg(test)]
mod demo;
#[cfg(feature = "sim")]
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod fuzz;
#[cfg(feature = "sim")]
#[cfg(test)]
mod hard_kill;
#[cfg(feature = "sim")]
#[cfg(test)]
mod instruments;
#[cfg(test)]
mod journal_files;
#[cfg(feature = "sim")]
#[cfg(test)]
mod kill;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod malformed;
#[cfg(feature = "sim")]
#[cfg(test)]
mod monitoring;
#[cfg(feature = "sim")]
#[cfg(test)]
mod order;
#[cfg(feature = "sim")]
#[cfg(test)]
mod peers;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod push;
#[cfg(feature = "sim")]
#[cfg(test)]
mod replug;
#[cfg(feature = "sim")]
#[cfg(test)]
mod scales;
#[cfg(test)]
mod shipped;
mod signs;
#[cfg(feature = "sim")]
#[cfg(test)]
mod watchdog;
