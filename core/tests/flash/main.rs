//! The queue on NOR flash: what it promises holds when power fails at any moment, when the flash lost bits, and when it
//! holds something else.

mod damage;
mod model;
mod nor;
mod power;
mod world;
