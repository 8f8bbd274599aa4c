//! One connection: requests in, answers out, until it ends or somebody listens.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::extract::Request;
use brooklet::protocol::places::{self, Place};
use brooklet::protocol::stream::{Door, Stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::HttpServerOptions;
use crate::handover::Handover;
use crate::hearing::Hearing;
use crate::patient::Patient;

/// Lines of a request's head.
const HEADERS: usize = 64;

/// What all connections of a server share.
pub(crate) struct House {
    pub(crate) url: String,
    pub(crate) door: Door,
    pub(crate) router: Router,
    pub(crate) options: HttpServerOptions,
    pub(crate) stopped: watch::Receiver<bool>,
}

/// Serves a connection to its end. When the server ends, it gives what it has begun to give, and no more.
pub(crate) async fn serve(house: Arc<House>, socket: TcpStream, place: Place) {
    let _place = place;
    // In a box, which is gone when somebody listens: that may be for hours, and by thousands.
    let asked = Box::pin(admit_and_answer(house, socket)).await;
    if let Some((stream, hearing)) = asked {
        // What goes wrong is the client's to know: it is gone.
        let _ = hearing.send(stream).await;
    }
}

/// Lets somebody in and answers; gives one who listens, as soon as the head of the answer is sent.
async fn admit_and_answer(house: Arc<House>, socket: TcpStream) -> Option<(Patient, Box<Hearing>)> {
    places::keep_little_unsent(&socket).ok()?;
    let entering = house.door.admit(&house.url, socket);
    let stream = tokio::time::timeout(house.options.head_time, entering).await.ok()?.ok()?;
    answer(&house, stream).await
}

async fn answer(house: &House, stream: Stream) -> Option<(Patient, Box<Hearing>)> {
    let handover = Handover::default();
    let router = TowerToHyperService::new(house.router.clone());
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(handover.clone());
        router.call(request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(house.options.head_time)
        .max_buf_size(house.options.head_bytes.max(8_192))
        .max_headers(HEADERS);
    let io = TokioIo::new(Patient::new(stream, house.options.patience, handover.clone()));
    let mut connection = builder.serve_connection(io, service);
    let mut stopped = house.stopped.clone();
    let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
    let mut is_stopping = false;
    poll_fn(|context| {
        if !is_stopping && stop.as_mut().poll(context).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        // What went wrong is the client's to know: it was told, or is gone.
        let is_over = Pin::new(&mut connection).poll(context).is_ready();
        if is_over || handover.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let hearing = handover.take().filter(|_| handover.is_ready())?;
    Some((connection.into_parts().io.into_inner(), hearing))
}
