//! What is in a file, by ffprobe's word.
