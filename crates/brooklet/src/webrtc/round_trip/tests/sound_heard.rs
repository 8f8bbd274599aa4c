//! What a processor does to the sound is heard by who sent it.

use brooklet_codec::{AudioEncode, EncoderConfig, open_encoder};
use brooklet_media::bitstream::opus;
use brooklet_media::{AudioFrame, ChannelLayout, Packet, SampleFormat};

use super::*;
use crate::processor::SoundProcessor;

/// Samples of a packet, 20 ms.
const PACKET: usize = 960;
/// Packets that a codec needs to settle, and those that are heard after them.
const SETTLED: usize = 15;
const HEARD: usize = 40;
/// Hertz; a whole number of periods in the packets that are heard.
const TONE: f64 = 1_000.0;

/// A quarter as loud, and the right channel upside down.
struct Quarter;

impl SoundProcessor for Quarter {
    fn sound(&mut self, mut sound: AudioFrame) -> Result<AudioFrame, Failure> {
        for two in sound.typed_mut::<f32>(0).chunks_exact_mut(2) {
            (two[0], two[1]) = (two[0] * 0.25, two[1] * -0.25);
        }
        Ok(sound)
    }
}

/// Nothing at all.
struct Mute;

impl SoundProcessor for Mute {
    fn sound(&mut self, mut sound: AudioFrame) -> Result<AudioFrame, Failure> {
        sound.typed_mut::<f32>(0).fill(0.0);
        Ok(sound)
    }
}

/// What came back to one who sings.
struct Sung {
    sent: Vec<Packet>,
    returned: Vec<Packet>,
    /// Both channels, one after the other sample.
    heard: Vec<f32>,
}

/// Sings until enough has come back through this task.
async fn sing(task: &str) -> Sung {
    let tasks = vec![
        Task::new("plain", "Plain", |_| Box::new(Slow)),
        Task::new("quarter", "Quarter", |_| Box::new(Slow)).with_sound(|_| Box::new(Quarter)),
        Task::new("mute", "Mute", |_| Box::new(Slow)).with_sound(|_| Box::new(Mute)),
    ];
    let gateway = Gateway::new(&Hub::default(), GatewayOptions::default()).with_tasks(tasks);
    let place = Place::open([127, 0, 0, 1].into(), None).await.unwrap();
    let options = SessionOptions::new(certificate().unwrap());
    let (send, receive) = ([sound::params()], [MediaKind::Audio]);
    let (mut session, offer) =
        Session::offer(&options, Instant::now(), &send, &receive, place.addresses()).unwrap();
    let choice = Choice { task: Some(task.into()), settings: Vec::new() };
    let answer = gateway.process(&choice, &offer).await.unwrap();
    session.accept_answer(&answer.sdp).unwrap();
    let mut line = Line::new(session, place, Queue::new(1));

    let mut how = AudioEncode::new(opus::RATE, ChannelLayout::Stereo, SampleFormat::F32);
    how.bit_rate = Some(128_000);
    let mut encoder = open_encoder(&EncoderConfig::audio("opus", how)).unwrap();
    let mut decoder = open_decoder(&sound::params(), &DecoderOptions::default()).unwrap();
    let mut sung = Sung { sent: Vec::new(), returned: Vec::new(), heard: Vec::new() };
    let (began, mut due, mut sample) = (Instant::now(), Instant::now(), 0i64);
    while sung.returned.len() < SETTLED + HEARD {
        assert!(began.elapsed() < LIMIT, "{} of {}", sung.returned.len(), sung.sent.len());
        match line.turn(tokio::time::sleep_until(due.into())).await.unwrap() {
            Turn::Other(()) => {
                due += PERIOD;
                encoder.encode(&Frame::Audio(tone(sample))).unwrap();
                sample += PACKET as i64;
                while let Some(packet) = encoder.poll_packet() {
                    if line.session.write(Instant::now(), &packet).unwrap() {
                        sung.sent.push(packet);
                    }
                }
            }
            Turn::Event(Event::Media(DemuxEvent::Packet(packet))) => {
                decoder.decode(&packet).unwrap();
                sung.returned.push(packet);
                while let Some(Frame::Audio(sound)) = decoder.poll_frame() {
                    if sung.returned.len() > SETTLED {
                        sung.heard.extend_from_slice(sound.typed::<f32>(0));
                    }
                }
            }
            Turn::Event(_) => {}
            Turn::Stopped => panic!("nobody stops it"),
        }
    }
    assert_eq!(gateway.report(&answer.id).unwrap().failure, None);
    sung
}

/// Half as loud as can be, the same in both channels.
fn tone(from: i64) -> AudioFrame {
    let (pool, layout) = (FramePool::new(), ChannelLayout::Stereo);
    let mut sound = AudioFrame::new(&pool, SampleFormat::F32, opus::RATE, layout, PACKET).unwrap();
    (sound.pts, sound.time_base) = (from, TimeBase::hz(opus::RATE));
    for (number, two) in sound.typed_mut::<f32>(0).chunks_exact_mut(2).enumerate() {
        let turns = (from + number as i64) as f64 * TONE / f64::from(opus::RATE);
        two.fill((turns * std::f64::consts::TAU).sin() as f32 * 0.5);
    }
    sound
}

impl Sung {
    /// How loud the tone is in a channel, 1 being as loud as can be, and how loud all that is in it.
    fn loudness(&self, channel: usize) -> (f64, f64) {
        let samples: Vec<f64> = self.heard.iter().skip(channel).step_by(2).map(|s| f64::from(*s)).collect();
        let turn = |n: usize| n as f64 * TONE / f64::from(opus::RATE) * std::f64::consts::TAU;
        let count = samples.len() as f64;
        let sum =
            |part: fn(f64) -> f64| samples.iter().enumerate().map(|(n, s)| s * part(turn(n))).sum::<f64>();
        let tone = sum(f64::sin).hypot(sum(f64::cos)) * 2.0 / count;
        (tone, (samples.iter().map(|s| s * s).sum::<f64>() / count * 2.0).sqrt())
    }
}

#[test]
fn sound_that_no_processor_wants_comes_back_bit_for_bit() {
    runtime::handle().unwrap().block_on(async {
        let sung = sing("plain").await;
        let sent: Vec<_> = sung.sent.iter().map(|packet| &packet.data).collect();
        let known = |packet: &Packet| sent.contains(&&packet.data);
        assert!(sung.returned.iter().all(known), "{} sent, {} back", sent.len(), sung.returned.len());
        assert!((sung.loudness(0).0 - 0.5).abs() < 0.05, "{:?}", sung.loudness(0));
    });
}

#[test]
fn sound_that_a_processor_changes_is_heard_changed() {
    runtime::handle().unwrap().block_on(async {
        let sung = sing("quarter").await;
        for channel in [0, 1] {
            let (tone, all) = sung.loudness(channel);
            assert!((tone - 0.125).abs() < 0.0125, "channel {channel}: {tone}");
            assert!((all - tone).abs() < 0.0125, "channel {channel}: {tone} of {all}");
        }
        // The one goes up where the other goes down.
        let both: f64 = sung.heard.chunks_exact(2).map(|two| f64::from(two[0] * two[1])).sum();
        assert!(both < 0.0, "{both}");
    });
}

#[test]
fn sound_that_a_processor_mutes_is_silence() {
    runtime::handle().unwrap().block_on(async {
        let sung = sing("mute").await;
        let loudest = sung.heard.iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
        assert!(loudest < 0.001, "{loudest}");
    });
}
