//! A processor of one's own: a browser's camera, with fewer colours. Open http://127.0.0.1:8080 and press START.
//!
//!     cargo run -p brooklet-server --features webrtc --example camera

use brooklet::Hub;
use brooklet::media::VideoFrame;
use brooklet::processor::{Failure, Picture, Processor, Setting, Settings, Task, built_in};
use brooklet::webrtc::{Gateway, GatewayOptions};
use brooklet_server::webrtc::{WebRtcOptions, router};
use brooklet_server::{HttpServer, HttpServerOptions};

/// Red, green and blue in a few steps each.
struct Poster(Settings);

impl Processor for Poster {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        // What the page's slider says now.
        let step = 255.0 / (self.0.number("steps") - 1.0);
        let mut frame = picture.rgb24()?;
        for byte in frame.planes_mut()[0].iter_mut() {
            *byte = ((f64::from(*byte) / step).round() * step) as u8;
        }
        Ok(frame)
    }
}

fn main() -> brooklet::Result<()> {
    let poster = Task::new("poster", "Poster", |settings| Box::new(Poster(settings.clone())))
        .with(Setting::slider("steps", "Steps of colour", 2.0..=8.0, 1.0, 4.0));
    let hub = Hub::default();
    let tasks = [vec![poster], built_in()].concat();
    let gateway = Gateway::new(&hub, GatewayOptions::default()).with_tasks(tasks);
    let paths = router(gateway, WebRtcOptions::default());
    let server = HttpServer::bind_with("127.0.0.1:8080", &hub, HttpServerOptions::default(), paths)?;
    println!("http://{}/", server.local_addr());
    loop {
        std::thread::park();
    }
}
