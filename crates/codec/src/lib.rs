//! Packet to frame and back: one module per codec
