//! Clips to test with: real ones, and generated ones.
