use super::*;

/// The longest that the end of a session may take: far below the time that a way to the peer may take to be found.
const AT_ONCE: Duration = Duration::from_secs(3);

#[test]
fn a_session_that_ends_before_it_is_connected_leaves_its_name_at_once() {
    let (done, waits) = std::sync::mpsc::channel();
    runtime::handle().unwrap().spawn(async move {
        let gateway = Gateway::new(&Hub::default(), GatewayOptions::default());
        let options = SessionOptions::new(certificate().unwrap());
        let sound = round_trip::sound_params();
        let place = ["127.0.0.1:9".parse().unwrap()];
        let (_, offer) = Session::offer(&options, Instant::now(), &[sound], &[], &place).unwrap();
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
