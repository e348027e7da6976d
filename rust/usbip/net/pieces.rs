// SPDX-License-Identifier: GPL-2.0

//! Lists of what is sent at once.

use super::Piece;
use core::{
    marker::PhantomData,
    mem::transmute,
    ops::Deref, //
};
use kernel::prelude::*;

/// Memory for lists of pieces, one after the other.
pub struct Room(KVec<Piece<'static>>);

impl Room {
    /// Room that grows to what is needed.
    pub const fn new() -> Self {
        Self(KVec::new())
    }

    /// An empty list.
    pub fn list<'a>(&'a mut self) -> Pieces<'a> {
        // What a list that was never dropped has left behind is freed, not looked at.
        self.0.clear();
        Pieces {
            room: &mut self.0,
            _pieces: PhantomData,
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// A list of pieces that are there for as long as `'a`.
///
/// # Invariants
///
/// Every piece in `room` was a `Piece<'a>`.
pub struct Pieces<'a> {
    room: &'a mut KVec<Piece<'static>>,
    _pieces: PhantomData<Piece<'a>>,
}

impl<'a> Pieces<'a> {
    /// Adds a piece. Task context, may sleep.
    pub fn push(&mut self, piece: Piece<'a>) -> Result {
        // SAFETY: Only the lifetime changes. By the invariants nobody sees the piece but through
        // this list, which gives it its own lifetime back, and `drop()` takes it out of the room.
        let piece = unsafe { transmute::<Piece<'a>, Piece<'static>>(piece) };
        Ok(self.room.push(piece, GFP_KERNEL)?)
    }
}

impl<'a> Deref for Pieces<'a> {
    type Target = [Piece<'a>];

    fn deref(&self) -> &[Piece<'a>] {
        self.room
    }
}

impl Drop for Pieces<'_> {
    fn drop(&mut self) {
        self.room.clear();
    }
}
