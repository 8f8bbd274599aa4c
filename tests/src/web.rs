//! A web server that says what a test wants, and remembers what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Runs until the process ends; what waits for a connection costs nothing.
#[derive(Clone, Debug)]
pub struct Web {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// Answers each request (its lines, joined by line breaks) by this function, which writes to the socket; then the
    /// connection is closed.
    pub fn start(
        answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no port: {error}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let (asked, answer) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(answer));
        let web = Self { port, asked };
        let told = web.clone();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (answer, told) = (answer.clone(), told.clone());
                thread::spawn(move || told.serve(socket, &*answer));
            }
        });
        web
    }

    /// Where a path is.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }

    fn serve(&self, mut socket: TcpStream, answer: &dyn Fn(&str, &mut TcpStream) -> std::io::Result<()>) {
        let Ok(reading) = socket.try_clone() else { return };
        let lines = BufReader::new(reading).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let request = lines.collect::<Vec<_>>().join("\n");
        if let Ok(mut asked) = self.asked.lock() {
            asked.push(request.clone());
        }
        // Whoever asked may have had enough.
        let _ = answer(&request, &mut socket).and_then(|()| socket.flush());
    }
}
