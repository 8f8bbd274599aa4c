//! MPEG-2 transport streams: packets to PES and back
