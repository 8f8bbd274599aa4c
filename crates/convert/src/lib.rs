//! Frame to frame: scale, pixel and sample formats, resample, remix, frame rate
