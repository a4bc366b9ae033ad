//! What instruments measure, as a receiver of their points sees it.

mod cardinality;
mod encoders;
mod exemplars;
mod exponential;
mod histograms;
mod instruments;
mod prepared;
mod receiver;
mod self_observability;
mod temporality;
mod views;
