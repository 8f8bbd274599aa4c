use super::*;

/// The longest that the end of a session may take: far below the time that a way to the peer may take to be found.
const AT_ONCE: Duration = Duration::from_secs(3);

fn offer(send: &[StreamParams], receive: &[MediaKind]) -> String {
    let options = SessionOptions::new(certificate().unwrap());
    let place = ["127.0.0.1:9".parse().unwrap()];
    Session::offer(&options, Instant::now(), send, receive, &place).unwrap().1
}

#[test]
fn who_waits_for_an_answer_is_counted_too() {
    let (done, waits) = std::sync::mpsc::channel();
    runtime::handle().unwrap().spawn(async move {
        let options = GatewayOptions { sessions: 1, wait: AT_ONCE * 9, ..GatewayOptions::default() };
        let gateway = Gateway::new(&Hub::default(), options);
        let (watches, publishes) = (offer(&[], &[MediaKind::Audio]), offer(&[round_trip::sound_params()], &[]));
        tokio::select! {
            biased;
            _ = gateway.watch("live/nobody", &watches) => unreachable!("nobody publishes that"),
            refused = gateway.publish("live/app", &publishes) => assert!(matches!(refused, Err(Refusal::Full(_)))),
        }
        // The viewer has gone.
        let answer = gateway.publish("live/app", &publishes).await.unwrap();
        assert!(matches!(gateway.publish("live/b", &publishes).await, Err(Refusal::Full(_))));
        assert!(gateway.end(&answer.id) && gateway.publish("live/b", &publishes).await.is_ok());
        done.send(()).unwrap();
    });
    waits.recv_timeout(AT_ONCE * 3).unwrap();
}

#[test]
fn a_session_that_ends_before_it_is_connected_leaves_its_name_at_once() {
    let (done, waits) = std::sync::mpsc::channel();
    runtime::handle().unwrap().spawn(async move {
        let gateway = Gateway::new(&Hub::default(), GatewayOptions::default());
        let offer = offer(&[round_trip::sound_params()], &[]);
        let answer = gateway.publish("live/app", &offer).await.unwrap();
        assert!(matches!(gateway.publish("live/app", &offer).await, Err(Refusal::Busy(_))));
        // Its task may not have had its first turn by then.
        assert!(gateway.end(&answer.id) && !gateway.end(&answer.id));
        assert_eq!((gateway.sessions(), gateway.has(&answer.id)), (0, false));
        let until = Instant::now() + AT_ONCE;
        while gateway.publish("live/app", &offer).await.is_err() {
            assert!(Instant::now() < until, "the publisher is still there");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        done.send(()).unwrap();
    });
    waits.recv_timeout(AT_ONCE * 3).unwrap();
}
