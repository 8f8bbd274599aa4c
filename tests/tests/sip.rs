//! A telephone: baresip calls, sipp answers with the port of ours, and what each says the other hears.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::{await_udp, free_rtp_port, free_udp_port};
use brooklet_tests::{clips, peers, sound};

/// Seconds of a call.
const LENGTH: f64 = 6.0;

/// One kind of call.
struct Call {
    /// As baresip names it.
    codec: &'static str,
    /// Ours.
    encoder: &'static str,
    rate: u32,
    payload: u8,
}

#[test]
fn a_telephone_is_heard_and_hears() {
    for call in [
        Call { codec: "PCMU/8000/1", encoder: "pcm_mulaw", rate: 8_000, payload: 0 },
        Call { codec: "G722/16000/1", encoder: "g722", rate: 16_000, payload: 9 },
    ] {
        let (folder, name) = (clips::scratch(), call.codec);
        let [ours, theirs] = [free_rtp_port(), free_rtp_port()];
        let [sip, phone] = [free_udp_port(), free_udp_port()];
        let Some(mut sipp) = answers(folder.path(), sip, ours, call.payload) else { return };
        let Some(mut baresip) = telephone(folder.path(), &call, phone, theirs, sip) else { return };
        let heard = folder.path().join("heard.wav");
        let receiver = Running::start(&mut words(&format!(
            "-v error -buffer 100ms -i rtp://127.0.0.1:{ours}?timeout=1500000 {}",
            heard.display()
        )));
        await_udp(ours);
        let answering = Running::start(&mut sipp);
        await_udp(sip);
        let calling = Running::start(&mut baresip);
        // Its port is open as soon as it calls; what comes before it is answered is left out.
        await_udp(theirs);
        let (encoder, rate) = (call.encoder, call.rate);
        Running::start(&mut words(&format!(
            "-v error -re -f lavfi -i sine=frequency=1000:sample_rate={rate}:duration={LENGTH} -c:a {encoder} -f rtp rtp://127.0.0.1:{theirs}"
        )))
        .finish(DEADLINE)
        .expect_success();
        let told = calling.finish(DEADLINE);
        answering.finish(DEADLINE);
        let run = receiver.finish(DEADLINE).expect_success();
        expect_tone(&heard, rate, 440.0, &format!("ours hears {name}: {}", run.stderr));
        let spoken =
            dump(folder.path()).unwrap_or_else(|| panic!("baresip heard nothing of {name}: {}", told.text()));
        expect_tone(&spoken, rate, 1_000.0, &format!("baresip hears {name}: {}", told.text()));
    }
}

/// sipp, which answers one call: it is to be spoken to at `port`.
fn answers(folder: &Path, sip: u16, port: u16, payload: u8) -> Option<Command> {
    let scenario = folder.join("answer.xml");
    let head = "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n";
    let description = format!(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP {payload}\n"
    );
    let send = |rest: &str| format!("<send><![CDATA[\nSIP/2.0 200 OK\n{head}{rest}]]></send>\n");
    let answer = send(&format!(
        "Contact: <sip:[local_ip]:[local_port]>\nContent-Type: application/sdp\nContent-Length: [len]\n\n{description}"
    ));
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"answer\">\n<recv request=\"INVITE\"/>\n\
         {answer}<recv request=\"ACK\"/>\n<recv request=\"BYE\"/>\n{}</scenario>\n",
        send("Content-Length: 0\n\n")
    );
    fs::write(&scenario, text).unwrap();
    let mut sipp = peers::sipp()?;
    sipp.arg("-sf").arg(&scenario).current_dir(folder);
    sipp.args(["-i", "127.0.0.1", "-p", &sip.to_string(), "-m", "1", "-timeout", "60", "-nostdin"]);
    Some(sipp)
}

/// baresip, which calls, says 440 Hz, writes down what it hears, and hangs up.
fn telephone(folder: &Path, call: &Call, own: u16, rtp: u16, sip: u16) -> Option<Command> {
    let said = folder.join("said.wav");
    let line = format!(
        "-v error -f lavfi -i sine=frequency=440:sample_rate={}:duration={LENGTH} -ac 1 {}",
        call.rate,
        said.display()
    );
    Running::start(&mut words(&line)).finish(DEADLINE).expect_success();
    let (mut baresip, modules) = peers::baresip()?;
    let config = format!(
        "sip_listen 127.0.0.1:{own}\naudio_source aufile,{}\nsnd_path {}\n\
         rtp_ports {rtp}-{}\nmodule_path {}\nmodule g711.so\nmodule g722.so\nmodule aufile.so\nmodule sndfile.so\n\
         module_app account.so\nmodule_app menu.so\n",
        said.display(),
        folder.display(),
        rtp + 2,
        modules.display(),
    );
    fs::write(folder.join("config"), config).unwrap();
    let codecs = call.codec;
    fs::write(folder.join("accounts"), format!("<sip:a@127.0.0.1>;regint=0;audio_codecs={codecs}\n"))
        .unwrap();
    fs::write(folder.join("contacts"), "").unwrap();
    baresip.arg("-f").arg(folder).args(["-e", &format!("d sip:b@127.0.0.1:{sip}"), "-t", "8"]);
    Some(baresip)
}

/// What baresip wrote down of what it heard.
fn dump(folder: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).ok()?.filter_map(|file| Some(file.ok()?.path()));
    files.find(|path| path.to_string_lossy().ends_with("dec.wav"))
}

fn words(line: &str) -> Command {
    let mut command = brooklet();
    command.args(line.split_whitespace());
    command
}

/// Some seconds of a tone, whole.
#[track_caller]
fn expect_tone(path: &Path, rate: u32, hz: f64, who: &str) {
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path);
    ffmpeg.args(["-ar", &rate.to_string(), "-ac", "1", "-f", "s16le", "-"]);
    let bytes = Running::start(&mut ffmpeg).finish(DEADLINE).expect_success().stdout;
    let samples = sound::of_s16le(&bytes);
    let loud = |sample: &f32| sample.abs() > 0.01;
    let start = samples.iter().position(loud).unwrap_or(0);
    let end = samples.iter().rposition(loud).unwrap_or(0);
    let samples = &samples[start..end.max(start)];
    let seconds = samples.len() as f64 / f64::from(rate);
    assert!((LENGTH - 3.0..LENGTH + 2.5).contains(&seconds), "{seconds} s, {who}");
    // Each tenth of a second of it is the tone.
    let pieces: Vec<&[f32]> = samples.chunks_exact(rate as usize / 10).collect();
    let is_tone = |piece: &&&[f32]| sound::tone(piece, rate, hz) > 0.95 * 2f64.sqrt() * sound::level(piece);
    let tones = pieces.iter().filter(is_tone).count();
    assert!(tones * 10 >= pieces.len() * 9, "{tones} of {} tenths are the tone, {who}", pieces.len());
}
