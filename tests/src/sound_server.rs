//! A sound server of a test's own, with a speaker to record and a microphone to feed, and ears.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Samples of each channel in a second of what is recorded and fed.
pub const RATE: u32 = 48_000;
/// How long a server or a recorder may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// A PulseAudio server in a folder of its own: the speaker `vout` and the microphone `vmic` are the defaults.
pub struct SoundServer {
    folder: TempDir,
    server: Child,
    /// Keeps the speakers awake: one that has slept swallows what is played before it has woken.
    breath: Vec<Child>,
}

impl SoundServer {
    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("native");
        let script = format!(
            "load-module module-native-protocol-unix socket={} auth-anonymous=1\n\
             load-module module-null-sink sink_name=vout rate=48000 channels=2\n\
             load-module module-null-sink sink_name=vmic_src rate=48000 channels=2\n\
             load-module module-remap-source master=vmic_src.monitor source_name=vmic\n\
             set-default-sink vout\n\
             set-default-source vmic\n",
            socket.display()
        );
        fs::write(folder.path().join("pulse.pa"), script).expect("a script");
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "-F"])
            .arg(folder.path().join("pulse.pa"));
        let mut server = Self { server: start_in(&folder, command), folder, breath: Vec::new() };
        server.wait_for("the sound server", |server| {
            let sources = server.pactl(&["list", "short", "sources"]);
            sources.contains("vmic\t")
        });
        for sink in ["vout", "vmic_src"] {
            let mut breath = server.tool("pacat");
            breath.args(["-p", "--latency-msec=20", "--process-time-msec=5", "-d", sink, "/dev/zero"]);
            server.breath.push(breath.spawn().expect("pacat"));
        }
        server.wait_for("the speakers", |server| {
            server.pactl(&["list", "short", "sinks"]).matches("RUNNING").count() == 2
        });
        server
    }

    /// What a program needs to find it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(&self.folder)
    }

    /// A program that is its client.
    pub fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What `pactl` says.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        let output = self.tool("pactl").args(arguments).stdout(Stdio::piped()).output().expect("pactl");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Records what the speaker plays, from before this returns until [`Recorder::finish`].
    pub fn record(&self) -> Recorder {
        let path =
            self.folder.path().join(format!("heard{}.raw", self.pactl(&["list", "short", "clients"]).len()));
        let file = fs::File::create(&path).expect("a file");
        let mut parec = self.tool("parec");
        parec.args([
            "-d",
            "vout.monitor",
            "--latency-msec=50",
            "--format=s16le",
            "--rate=48000",
            "--channels=2",
        ]);
        let parec = parec.stdout(file).spawn().expect("parec");
        let recorder = Recorder { parec, path };
        let start = Instant::now();
        while fs::metadata(&recorder.path).map_or(0, |file| file.len()) == 0 {
            assert!(start.elapsed() < PATIENCE, "nothing is recorded");
            thread::sleep(Duration::from_millis(20));
        }
        recorder
    }

    /// Feeds the microphone with a file of s16, 48 kHz, stereo, until it ends or the feeder is dropped.
    pub fn feed(&self, path: &std::path::Path) -> Feeder {
        let mut pacat = self.tool("pacat");
        pacat
            .args([
                "-p",
                "--latency-msec=1000",
                "-d",
                "vmic_src",
                "--format=s16le",
                "--rate=48000",
                "--channels=2",
            ])
            .arg(path);
        Feeder(pacat.spawn().expect("pacat"))
    }

    /// Ends the server in the middle of everything.
    pub fn kill(&mut self) {
        end(&mut self.server);
    }

    fn wait_for(&self, what: &str, come: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !come(self) {
            assert!(start.elapsed() < PATIENCE, "{what} did not start");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        self.breath.iter_mut().for_each(end);
        end(&mut self.server);
    }
}

/// A program that feeds the microphone; dropping it ends it.
pub struct Feeder(Child);

impl Drop for Feeder {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

/// A recording that goes on.
pub struct Recorder {
    parec: Child,
    path: PathBuf,
}

impl Recorder {
    /// What was heard until now.
    pub fn so_far(&self) -> Sound {
        Sound::from_s16(&fs::read(&self.path).unwrap_or_default())
    }

    /// All that was heard, a moment after now: what has been heard is recorded soon after.
    pub fn finish(mut self) -> Sound {
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
        // Half a second more, by the recording's own clock.
        let (wanted, start) = (size(&self.path) + u64::from(RATE) * 2, Instant::now());
        while size(&self.path) < wanted && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
        end(&mut self.parec);
        self.so_far()
    }
}

/// Stereo sound that was heard.
pub struct Sound {
    /// The left channel, full scale 1.
    pub left: Vec<f64>,
    /// The right one.
    pub right: Vec<f64>,
}

impl Sound {
    /// Interleaved little-endian 16-bit stereo.
    pub fn from_s16(bytes: &[u8]) -> Self {
        let sample = |bytes: &[u8]| f64::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0;
        let frames: Vec<(f64, f64)> =
            bytes.chunks_exact(4).map(|frame| (sample(frame), sample(&frame[2..]))).collect();
        Self {
            left: frames.iter().map(|frame| frame.0).collect(),
            right: frames.iter().map(|frame| frame.1).collect(),
        }
    }

    /// Without the silence before and after.
    pub fn trimmed(self) -> Self {
        let loud = |sample: &f64| sample.abs() > 0.005;
        let start = self.left.iter().position(loud).unwrap_or(self.left.len());
        let end = self.left.iter().rposition(loud).map_or(start, |last| last + 1);
        Self { left: self.left[start..end].to_vec(), right: self.right[start..end].to_vec() }
    }

    /// A part of it, in seconds from its start.
    pub fn part(&self, from: f64, to: f64) -> Self {
        let at = |seconds: f64| ((seconds * f64::from(RATE)) as usize).min(self.left.len());
        let part = at(from)..at(to);
        Self { left: self.left[part.clone()].to_vec(), right: self.right[part].to_vec() }
    }

    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.left.len() as f64 / f64::from(RATE)
    }

    /// Root mean square of the left channel.
    pub fn level(&self) -> f64 {
        (self.left.iter().map(|sample| sample * sample).sum::<f64>() / self.left.len().max(1) as f64).sqrt()
    }

    /// How much of the left channel's power is at a frequency: 1 for a pure tone.
    pub fn purity(&self, hz: f64) -> f64 {
        let turn = std::f64::consts::TAU * hz / f64::from(RATE);
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (number, sample) in self.left.iter().enumerate() {
            let angle = turn * number as f64;
            sine += sample * angle.sin();
            cosine += sample * angle.cos();
        }
        let power = self.left.iter().map(|sample| sample * sample).sum::<f64>();
        2.0 * (sine * sine + cosine * cosine) / (self.left.len() as f64 * power.max(1e-9))
    }

    /// Stretches of silence of over 5 ms within the left channel, in seconds.
    pub fn gaps(&self) -> Vec<f64> {
        let least = RATE as usize / 200;
        let runs = self.left.split(|sample| sample.abs() > 0.005).map(<[f64]>::len);
        runs.filter(|run| *run > least).map(|run| run as f64 / f64::from(RATE)).collect()
    }

    /// The largest step from one sample to the next: what a click is.
    pub fn steepest(&self) -> f64 {
        self.left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max)
    }
}

fn environment(folder: &TempDir) -> Vec<(&'static str, String)> {
    let path = folder.path().display();
    vec![
        ("HOME", path.to_string()),
        ("XDG_RUNTIME_DIR", path.to_string()),
        ("PULSE_SERVER", format!("unix:{path}/native")),
        ("PULSE_COOKIE", format!("{path}/cookie")),
    ]
}

fn start_in(folder: &TempDir, mut command: Command) -> Child {
    let quiet =
        command.envs(environment(folder)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().expect("the program is installed: cargo xtask test installs it")
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
