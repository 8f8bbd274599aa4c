use proptest::prelude::*;

use super::*;

const ID: [u8; 12] = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

/// RFC 5769 §2.2: the answer to a request, signed with a password.
const ANSWER: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
    \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
    \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
    \x80\x28\x00\x04\xc0\x7d\x4c\x96";

#[test]
fn the_answer_of_rfc_5769_is_read_and_believed() {
    let answer = Message::parse(ANSWER).unwrap();
    assert_eq!((answer.method, answer.class, answer.id), (Method::Binding, Class::Success, ID));
    let mapped = answer.address(Attribute::XorMappedAddress);
    assert_eq!(mapped, Some("192.0.2.1:32853".parse().unwrap()));
    assert_eq!(answer.is_signed_with(b"VOkJxbRl1RmTxUk/WvJxBt"), Some(true));
    assert_eq!(answer.is_signed_with(b"another"), Some(false));
    let changed: Vec<u8> = ANSWER.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 47)).collect();
    let changed = Message::parse(&changed).unwrap();
    assert_eq!(changed.is_signed_with(b"VOkJxbRl1RmTxUk/WvJxBt"), Some(false));
}

#[test]
fn what_stands_behind_the_signature_is_nobodys_word() {
    let whole = Draft::new(Method::Allocate, Class::Success, ID)
        .signed(b"key")
        .with(Attribute::Lifetime, &[0, 0, 0, 9])
        .finish();
    let message = Message::parse(&whole).unwrap();
    assert_eq!((message.is_signed_with(b"key"), message.number(Attribute::Lifetime)), (Some(true), None));
}

#[test]
fn what_is_no_message_is_none() {
    assert_eq!(Message::parse(&ANSWER[..ANSWER.len() - 4]), None, "cut");
    assert_eq!(Message::parse(&ANSWER[..19]), None);
    assert_eq!(Message::parse(&[0; 20]), None, "no cookie");
    let unknown = [&[0x00, 0x02], &ANSWER[2..]].concat();
    assert_eq!(Message::parse(&unknown), None, "no method of ours");
    let error = Draft::new(Method::Refresh, Class::Error, ID)
        .with(Attribute::ErrorCode, b"\0\0\x04\x26Stale Nonce")
        .finish();
    assert_eq!(Message::parse(&error).unwrap().error(), Some((438, "Stale Nonce")));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        id: [u8; 12], ip: std::net::IpAddr, port: u16, data in prop::collection::vec(any::<u8>(), 0..100), key: [u8; 9],
    ) {
        let address = SocketAddr::new(ip, port);
        let bytes = Draft::new(Method::Data, Class::Indication, id)
            .with_address(Attribute::XorPeerAddress, address)
            .with(Attribute::Data, &data)
            .signed(&key)
            .finish();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!((message.method, message.class, message.id), (Method::Data, Class::Indication, id));
        prop_assert_eq!(message.address(Attribute::XorPeerAddress), Some(address));
        prop_assert_eq!(message.attribute(Attribute::Data), Some(&data[..]));
        prop_assert_eq!(message.is_signed_with(&key), Some(true));
    }

    #[test]
    fn damage_is_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 20..200)) {
        bytes[4..8].copy_from_slice(&COOKIE.to_be_bytes());
        let length = bytes.len() / 4 * 4;
        bytes.truncate(length);
        bytes[..4].copy_from_slice(&[1, 1, ((length - HEADER) >> 8) as u8, (length - HEADER) as u8]);
        let message = Message::parse(&bytes).unwrap();
        let _ = (message.error(), message.address(Attribute::XorMappedAddress), message.text(Attribute::Realm));
        let _ = message.is_signed_with(b"key");
    }
}
