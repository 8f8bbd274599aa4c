//! FLV and AMF0: packets to tags and back
