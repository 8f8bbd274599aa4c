//! Read, convert, and write live audio and video: Reader, Writer, and the pipelines behind them
