//! `setpts`: other times for pictures.

use brooklet_media::{Error, Result, VideoFrame};

use super::args::FilterArgs;
use super::expression::Expression;
use super::video::Filter;

const VARIABLES: [&str; 6] = ["PTS", "STARTPTS", "TB", "N", "T", "STARTT"];

pub(super) struct SetPts {
    expression: Expression,
    start: Option<i64>,
    count: u64,
}

impl SetPts {
    pub(super) fn parse(filter: &FilterArgs) -> Result<Self> {
        let bound = filter.bind(&[&["expr"]])?;
        let expression = Expression::parse(bound.value(0).unwrap_or("PTS"), &VARIABLES)?;
        Ok(Self { expression, start: None, count: 0 })
    }
}

impl Filter for SetPts {
    fn run(&mut self, mut frame: VideoFrame) -> Result<VideoFrame> {
        let start = *self.start.get_or_insert(frame.pts);
        let variables = [
            frame.pts as f64,
            start as f64,
            frame.time_base.seconds(1),
            self.count as f64,
            frame.time_base.seconds(frame.pts),
            frame.time_base.seconds(start),
        ];
        self.count += 1;
        let pts = self.expression.value(&variables).round();
        if !pts.is_finite() {
            return Err(Error::Usage(format!("setpts: {frame:?} would be at {pts}")));
        }
        // The cast saturates.
        frame.pts = pts as i64;
        Ok(frame)
    }
}
