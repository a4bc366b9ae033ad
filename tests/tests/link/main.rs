//! The two ends of the device link against each other, over every wire that there could be: nothing that was acknowledged is
//! missing, nothing is stored twice, the order is kept, and whatever happens it goes on afterwards.

mod channels;
mod clock;
mod device;
mod every_fault;
mod model;
mod oracle;
mod owner;
mod shares;
mod wire;
mod world;
