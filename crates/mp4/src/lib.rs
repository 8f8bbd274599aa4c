//! MP4 and QuickTime files: boxes to packets
