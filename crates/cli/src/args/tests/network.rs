//! Options of connections.

use std::path::Path;
use std::time::Duration;

use super::*;

#[test]
fn rtmp_options_stand_before_the_url_that_they_are_for() {
    let line = "-rtmp_live live -rtmp_buffer 500 -rtmp_pageurl http://p -rtmp_subscribe s -i rtmp://a/b/c \
        -rtmp_app x/y -rtmp_playpath k -rtmp_tcurl rtmp://z/x -rtmp_flashver F -rtmp_swfurl S \
        -rtmp_conn 'S:a N:1' -rtmp_enhanced_codecs hvc1,av01 -f flv rtmp://h/d/e";
    let (input, output) = one(line);
    assert_eq!(input.rtmp.live.to_owned(), "live".parse().unwrap());
    assert_eq!(input.rtmp.buffer, Some(Duration::from_millis(500)));
    assert_eq!(input.rtmp.page_url.as_deref(), Some("http://p"));
    assert_eq!(input.rtmp.subscribe.as_deref(), Some("s"));
    assert_eq!(input.rtmp.app, None);
    let rtmp = output.rtmp;
    let given = [rtmp.app, rtmp.playpath, rtmp.tc_url, rtmp.flash_version, rtmp.swf_url].map(Option::unwrap);
    assert_eq!(given, ["x/y", "k", "rtmp://z/x", "F", "S"]);
    assert_eq!(rtmp.connect_values.as_deref(), Some("S:a N:1"));
    assert_eq!(rtmp.enhanced_codecs.as_deref(), Some("hvc1,av01"));
    assert!(error("-rtmp_live maybe -i rtmp://a/b/c -f null -").contains("known: any, live, recorded"));
}

#[test]
fn servers_are_verified_unless_told_otherwise() {
    let (input, output) =
        one("-tls_verify 0 -i rtmps://a/b/c -cafile r.pem -cert c.pem -key k.pem rtmps://h/d/e");
    assert!(!input.tls.verify && output.tls.verify);
    assert_eq!(output.tls.ca_file.as_deref(), Some(Path::new("r.pem")));
    assert_eq!(output.tls.cert_file.as_deref(), Some(Path::new("c.pem")));
    assert_eq!(output.tls.key_file.as_deref(), Some(Path::new("k.pem")));
    assert!(error("-tls_verify perhaps -i a -f null -").contains("0 or 1"));
}

#[test]
fn broadcasts_are_described_before_their_url() {
    let line = "-icy 0 -user_agent UA -i http://a/b -ice_name N -ice_public 1 -burst 64k -gap hold -max_listeners 5 \
        -admin dj:pw -headers 'X: y' -tls c.pem,k.pem -f mp3 -listen 1 https://:1/s.mp3";
    let (input, output) = one(line);
    assert!(input.http.without_titles && input.http.user_agent.as_deref() == Some("UA"));
    let http = output.http;
    assert_eq!((http.about.name.as_deref(), http.about.public, http.listeners), (Some("N"), true, Some(5)));
    assert_eq!((http.burst.map(|burst| burst.bytes), http.admin.as_deref()), (Some(64_000), Some("dj:pw")));
    assert_eq!((http.headers, output.gap), (vec![("X".into(), "y".into())], Some(brooklet::job::Gap::Hold)));
    assert_eq!(output.tls.key_file.as_deref(), Some(Path::new("k.pem")));
    assert!(one("-i a -f mp3 -tls self -listen 1 https://:1/s.mp3").1.tls.self_made);
    assert!(error("-i a -f mp3 -admin nobody -listen 1 http://:1/s.mp3").contains("USER:PASSWORD"));
    assert!(error("-i a -f mp3 -gap maybe -listen 1 http://:1/s.mp3").contains("silence, hold"));
}

#[cfg(feature = "webrtc")]
#[test]
fn servers_that_find_a_way_are_asked_by_udp() {
    let line = "-ice_server stun:a -ice_policy relay -i whip://a/b -ice_server turn:me:pw@h -ice_server stun:b:1 -f whip http://h/d";
    let (input, output) = one(line);
    let urls = |ice: &brooklet::protocol::IceOptions| -> Vec<String> {
        ice.servers.iter().map(|server| server.url.clone()).collect()
    };
    assert_eq!((urls(&input.http.ice), input.http.ice.relay_only), (vec!["stun:a".into()], true));
    let ours = vec!["turn:h".to_string(), "stun:b:1".into()];
    assert_eq!((urls(&output.http.ice), output.http.ice.relay_only), (ours, false));
    for wrong in ["turns:me:pw@h", "turn:me:pw@h?transport=tcp", "stuns:h"] {
        assert!(error(&format!("-i a -ice_server {wrong} -f whip http://h/d")).contains("by UDP"), "{wrong}");
    }
    assert!(error("-i a -ice_policy host -f whip http://h/d").contains("all, or relay"));
}
