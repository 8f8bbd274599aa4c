//! Libraries that start `ffmpeg`, with the program in its place.

use brooklet_tests::program::{DEADLINE, brooklet, finish};
use brooklet_tests::{clips, peers, players};
use serde_json::{Value, json};

#[test]
fn imageio_reads_and_writes_pictures() {
    let Some(mut python) = peers::imageio() else { return };
    let picture = "-f lavfi -i testsrc2=size=176x144:rate=25 -t 4 -c:v libx264 -pix_fmt yuv420p";
    let Some(clip) = clips::generated("imageio.mp4", picture) else { return };
    let scratch = clips::scratch();
    let out = scratch.path().join("out.mp4");
    python.env("IMAGEIO_FFMPEG_EXE", brooklet().get_program());
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/players/imageio.py")).args([&clip, &out]);
    let seen: Value = serde_json::from_str(&finish(&mut python, DEADLINE).expect_success().text()).unwrap();
    assert_eq!(seen, json!({ "size": [176, 144], "fps": 25.0, "seconds": 4.0, "pictures": 25 }));
    assert_eq!(players::Track::of(&out, "v:0").packets.len(), 30);
}
