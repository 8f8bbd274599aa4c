//! A program with the library in it, for the test of a camera beside a microphone: sends both to a URL for so many seconds.
//!
//!     film SECONDS URL
//!
//! The camera is white whenever the default microphone beeps, and black otherwise: it listens to it for itself.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use brooklet::Stopper;
use brooklet::devices::{
    CameraDriver, CameraFormat, CameraMode, CameraPicture, CameraSizes, Grabber, capture_time, plug_camera,
};
use brooklet::job::{InputSpec, Job, OutputSpec};
use brooklet::media::{Rational, TimeBase, Timestamp};
use brooklet_device::{Microphone, MicrophoneOptions};

const SIZE: (u32, u32) = (160, 120);
const RATE: i64 = 30;
/// From light to picture: that long a microphone may take to hear what the camera saw. It was seen to take over 200 ms; an
/// output waits half a second for a picture.
const DELAY: Duration = Duration::from_millis(400);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, url] = &words[..] else { return Err("film SECONDS URL".into()) };
    let loud = Arc::<Mutex<Vec<Timestamp>>>::default();
    listen(Microphone::open(&MicrophoneOptions::default())?, loud.clone());
    plug_camera("/test/lamp", "white when it beeps", move || Ok(Box::new(Lamp(loud.clone(), None))));

    let input = |format: &str, url: &str| InputSpec {
        url: url.into(),
        format: Some(format.into()),
        ..InputSpec::default()
    };
    let camera = InputSpec { video_size: Some(SIZE), ..input("v4l2", "/test/lamp") };
    let output = OutputSpec { url: url.clone(), format: Some("flv".into()), ..OutputSpec::default() };
    let job = Job { inputs: vec![camera, input("pulse", "default")], outputs: vec![output] };
    let running = job.start(&Stopper::new())?;
    thread::sleep(Duration::from_secs(seconds.parse()?));
    running.stop();
    let progress = running.wait()?;
    println!("frames={} drop={}", progress.frames, progress.dropped);
    Ok(())
}

/// Notes the moments at which it is loud.
fn listen(mut microphone: Microphone, loud: Arc<Mutex<Vec<Timestamp>>>) {
    thread::spawn(move || {
        let clock = TimeBase::hz(48_000);
        while let Ok(sound) = microphone.read() {
            let samples = sound.typed::<i16>(0).iter().step_by(2).enumerate();
            let beeps = samples.filter(|(_, sample)| sample.unsigned_abs() > 3_000);
            let moments = beeps.map(|(number, _)| clock.at(sound.pts + number as i64));
            loud.lock().unwrap_or_else(|error| error.into_inner()).extend(moments);
        }
    });
}

/// The camera, and the moment of its last picture.
struct Lamp(Arc<Mutex<Vec<Timestamp>>>, Option<Timestamp>);

impl CameraDriver for Lamp {
    fn formats(&self) -> Vec<CameraFormat> {
        vec![CameraFormat::Yuyv]
    }

    fn sizes(&self, _: CameraFormat) -> CameraSizes {
        CameraSizes::Listed(vec![SIZE])
    }

    fn rates(&self, _: CameraFormat, _: (u32, u32)) -> Vec<Rational> {
        vec![Rational::whole(RATE as u32)]
    }

    fn start(self: Box<Self>, _: CameraMode) -> io::Result<Box<dyn Grabber>> {
        Ok(self)
    }
}

impl Grabber for Lamp {
    fn grab(&mut self) -> io::Result<CameraPicture> {
        let at = match self.1 {
            Some(last) => last + Duration::from_nanos(1_000_000_000 / RATE as u64),
            None => capture_time(),
        };
        thread::sleep((at + DELAY).since(capture_time()));
        // What a picture shows is what was there up to its moment, since the one before.
        let since = self.1.replace(at).unwrap_or(at);
        let mut loud = self.0.lock().unwrap_or_else(|error| error.into_inner());
        let lit = loud.iter().any(|moment| (since..at).contains(moment));
        loud.retain(|moment| *moment >= at);
        let luma = if lit { 235 } else { 16 };
        let data = [luma, 128].repeat((SIZE.0 * SIZE.1) as usize);
        Ok(CameraPicture { at, data })
    }
}
