//! The small containers, generated sources, probing, and the registry of formats
