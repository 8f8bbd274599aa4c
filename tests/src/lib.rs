//! Whole-program tests against real peers.
