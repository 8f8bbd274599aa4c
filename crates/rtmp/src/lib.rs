//! RTMP as a state machine: handshake, chunk stream, AMF0 commands, client and server
