//! RTMP servers on ports of their own.
