//! What the server does when a client calls.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::error::Place;

impl Server {
    pub(super) fn handle_command(&mut self, command: &Command, stream: u32, place: Place) -> Result<()> {
        if self.stage == Stage::Connect && command.name != "connect" {
            return Err(Error::invalid(format!("the command \"{}\" before connect", command.name), place));
        }
        match command.name.as_str() {
            "connect" if self.stage == Stage::Connect => self.request_connect(command),
            "connect" => return Err(Error::invalid("a second connect", place)),
            "createStream" => self.create_stream(command, place)?,
            "publish" => self.request_stream(Role::Publisher, command, stream, place)?,
            "play" | "play2" => self.request_stream(Role::Viewer, command, stream, place)?,
            "deleteStream" | "closeStream" | "FCUnpublish" => self.close_stream(command),
            "pause" | "pauseRaw" => self.pause(command, stream),
            "seek" => self.report(stream, "NetStream.Seek.Failed", "a live stream has no past"),
            "FCPublish" => self.flash_com("onFCPublish", "NetStream.Publish.Start", command),
            "FCSubscribe" => self.flash_com("onFCSubscribe", "NetStream.Play.Start", command),
            "getStreamLength" => self.answer(command, vec![0.0.into()]),
            "releaseStream" | "_checkbw" | "FCUnsubscribe" => self.answer(command, vec![Value::Undefined]),
            "receiveAudio" | "receiveVideo" | "_result" | "_error" | "onStatus" => {}
            _ => self.answer_unknown(command),
        }
        Ok(())
    }

    pub(super) fn accept_connect(&mut self, transaction: f64, theirs: &Capabilities) {
        self.stage = Stage::CreateStream;
        self.reconnects = theirs.caps_ex & Capabilities::RECONNECT != 0;
        self.link.set_limits(self.options.limits);
        self.link.set_deadline(self.now, self.options.setup_timeout);
        self.link.announce_window(WINDOW);
        self.link.send_control(Control::SetPeerBandwidth(WINDOW, BandwidthLimit::Dynamic));
        self.link.set_chunk_size(self.options.chunk_size);
        let mut properties =
            vec![("fmsVer".to_owned(), "FMS/3,0,1,123".into()), ("capabilities".to_owned(), 31.0.into())];
        let status = Status::new("status", "NetConnection.Connect.Success", "Connection succeeded.");
        let mut info = status.properties();
        info.push(("objectEncoding".to_owned(), 0.0.into()));
        if *theirs != Capabilities::default() {
            properties.extend(self.options.capabilities.properties());
        }
        let result = Command {
            object: Value::Object(properties),
            ..Command::new("_result", transaction, vec![Value::Object(info)])
        };
        self.link.send_command(&result, 0);
    }

    pub(super) fn accept_stream(&mut self, activity: Activity) {
        self.link.clear_deadline();
        self.stage = Stage::Stream;
        let Activity { role, stream, ref name } = activity;
        self.link.send_control(Control::User(UserControl::StreamBegin(stream)));
        match role {
            Role::Publisher => {
                self.receiver = Receiver::default();
                self.report(stream, "NetStream.Publish.Start", &format!("{name} is now published."));
            }
            Role::Viewer => {
                self.report(stream, "NetStream.Play.Reset", &format!("Playing and resetting {name}."));
                self.report(stream, "NetStream.Play.Start", &format!("Started playing {name}."));
                self.allow_samples(stream);
            }
        }
        self.activity = Some(activity);
    }

    fn request_connect(&mut self, command: &Command) {
        let request = ConnectRequest::from_command(command);
        self.app.clone_from(&request.app);
        let capabilities = request.capabilities.clone();
        self.wait_for_owner(
            Pending::Connect { transaction: command.transaction, capabilities },
            ServerEvent::ConnectRequested(request),
        );
    }

    fn request_stream(&mut self, role: Role, command: &Command, stream: u32, place: Place) -> Result<()> {
        if self.activity.is_some() {
            return Err(Error::invalid("a second stream on one connection", place));
        }
        let name = command.text(0).or_else(|| command.arguments.first()?.property("streamName")?.as_str());
        let Some(name) = name else {
            return Err(Error::invalid(format!("{} without the name of a stream", command.name), place));
        };
        let request = StreamRequest::new(&self.app, name);
        let activity = Activity { role, stream, name: request.stream.clone() };
        let event = match role {
            Role::Publisher => ServerEvent::PublishRequested(request),
            Role::Viewer => ServerEvent::PlayRequested(request),
        };
        self.wait_for_owner(Pending::Stream(activity), event);
        Ok(())
    }

    fn wait_for_owner(&mut self, pending: Pending, event: ServerEvent) {
        self.link.clear_deadline();
        self.pending = Some(pending);
        self.events.push_back(event);
    }

    fn create_stream(&mut self, command: &Command, place: Place) -> Result<()> {
        if self.streams >= MAX_STREAMS {
            let (value, limit) = (u64::from(self.streams) + 1, u64::from(MAX_STREAMS));
            return Err(Error::Limit { what: "number of streams", value, limit, place });
        }
        self.streams += 1;
        self.answer(command, vec![f64::from(self.streams).into()]);
        Ok(())
    }

    fn close_stream(&mut self, command: &Command) {
        if let Some(Activity { role: Role::Publisher, stream, name }) = self.end() {
            self.report(stream, "NetStream.Unpublish.Success", &format!("{name} is not published any more."));
        }
        if command.name == "FCUnpublish" {
            self.flash_com("onFCUnpublish", "NetStream.Unpublish.Success", command);
        }
    }

    fn pause(&mut self, command: &Command, stream: u32) {
        let pause = command.arguments.first().and_then(Value::as_bool).unwrap_or(true);
        let code = if pause { "NetStream.Pause.Notify" } else { "NetStream.Unpause.Notify" };
        self.report(stream, code, if pause { "Paused." } else { "Going on." });
        if matches!(self.activity, Some(Activity { role: Role::Viewer, .. })) {
            self.events.push_back(ServerEvent::Paused(pause));
        }
    }

    /// What Flash Media Live Encoder and its kin wait for: an answer, and a call of theirs.
    fn flash_com(&mut self, call: &str, code: &str, command: &Command) {
        self.answer(command, vec![Value::Undefined]);
        let status = Status::new("status", code, command.text(0).unwrap_or_default());
        self.link.send_command(&Command::new(call, 0.0, vec![status.info()]), 0);
    }

    /// Flash lets a script look into pictures and sound only where it is told that it may.
    fn allow_samples(&mut self, stream: u32) {
        let mut body = Vec::new();
        for value in ["|RtmpSampleAccess".into(), true.into(), true.into()] {
            amf0::write(&value, &mut body);
        }
        let kind = MessageType::DATA;
        self.link.send(&Message { chunk_stream: 5, kind, stream, timestamp: 0, body: body.into() });
    }

    fn report(&mut self, stream: u32, code: &str, description: &str) {
        let level = if code.ends_with(".Failed") { "error" } else { "status" };
        self.link.send_command(&Status::new(level, code, description).command(), stream);
    }

    fn answer(&mut self, command: &Command, arguments: Vec<Value>) {
        if command.transaction != 0.0 {
            self.link.send_command(&Command::new("_result", command.transaction, arguments), 0);
        }
    }

    fn answer_unknown(&mut self, command: &Command) {
        if command.transaction != 0.0 {
            let words = format!("{} is not known here", command.name);
            let status = Status::new("error", "NetConnection.Call.Failed", &words);
            self.link.send_command(&Command::new("_error", command.transaction, vec![status.info()]), 0);
        }
    }
}
