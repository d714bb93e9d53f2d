//! Drivers: a byte source and a codec become readings; commands become
//! outputs. What decides is sans-IO ([`Stream`], [`Board`]) and is what the
//! simulator drives; threads only move bytes.

mod asking;
mod board;
mod broker;
mod driver;
mod health;
#[cfg(test)]
mod line_bench;
mod link;
mod listen;
mod pictures;
mod plates;
mod port;
mod posted;
mod pulled;
mod recapture;
mod serial;
mod sign;
mod stream;
mod tcp;
mod why;

pub use board::{Board, BoardCommand};
pub use broker::{Camera, Outlet, RecaptureFault, Recaptures, start_cameras};
pub use driver::Seen;
pub use health::Counts;
pub use pictures::{Keeper, Pictures};
pub use port::{
    BoardHandle, Running, SignHandle, Surroundings, board_handle, sign_handle, start_board,
    start_sign, start_stream,
};
pub use posted::{PostSlot, start_posted};
pub use recapture::recapture_message;
pub use sign::SignDriver;
pub use stream::{Stream, StreamFault};
pub use why::{Via, Why};
