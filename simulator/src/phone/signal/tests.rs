//! Pairwise and group sessions: in order, out of order, with losses, renewed.

use super::*;
use wacore_binary::builder::NodeBuilder;

/// A phone's Signal state and its JIDs.
struct One {
    jid: Jid,
    lid: Jid,
    signal: Signal,
}

fn one(number: &str) -> One {
    let person = Profile { number: number.to_owned(), lid: format!("9{number}"), name: number.to_owned() };
    let signal = Signal::new(&person, SeededRng::new(1, number)).unwrap();
    One { jid: person.jid(), lid: person.lid_jid(), signal }
}

/// The bundle that a server would make from the upload.
fn bundle_of(one: &mut One) -> Bundle {
    let (identity, rng) = one.signal.identity_mut();
    let mut parts = identity.upload(1, rng);
    let list = parts.remove(3);
    parts.push(list.get_optional_child("key").unwrap().clone());
    Bundle::read(&NodeBuilder::new("user").children(parts).build()).unwrap()
}

fn pair() -> (One, One) {
    let (mut ann, mut bob) = (one("1"), one("2"));
    let bundle = bundle_of(&mut bob);
    ann.signal.begin(&bob.jid, &bundle).unwrap();
    (ann, bob)
}

fn pass(from: &mut One, to: &mut One, text: &[u8]) -> EncKind {
    let sealed = from.signal.encrypt(&to.jid, text).unwrap();
    assert_eq!(to.signal.decrypt(&from.jid, sealed.kind, &sealed.bytes).unwrap(), text);
    sealed.kind
}

#[test]
fn the_first_messages_bring_keys_and_the_rest_do_not() {
    let (mut ann, mut bob) = pair();
    assert_eq!(pass(&mut ann, &mut bob, b"one"), EncKind::PreKey);
    assert_eq!(pass(&mut ann, &mut bob, b"two"), EncKind::PreKey);
    assert_eq!(pass(&mut bob, &mut ann, b"three"), EncKind::Session);
    assert_eq!(pass(&mut ann, &mut bob, b"four"), EncKind::Session);
}

#[test]
fn a_used_prekey_is_gone_and_nothing_is_decrypted_twice() {
    let (mut ann, mut bob) = pair();
    let sealed = ann.signal.encrypt(&bob.jid, b"hello").unwrap();
    bob.signal.decrypt(&ann.jid, sealed.kind, &sealed.bytes).unwrap();
    assert!(bob.signal.identity().prekeys().find(1).is_none());
    let again = bob.signal.decrypt(&ann.jid, sealed.kind, &sealed.bytes);
    assert!(matches!(again, Err(SignalError::Again)), "{again:?}");
    assert_eq!(bob.signal.take_steps().len(), 1);
}

#[test]
fn messages_arrive_out_of_order_and_some_never() {
    let (mut ann, mut bob) = pair();
    let sealed: Vec<Sealed> = (0..5u8).map(|number| ann.signal.encrypt(&bob.jid, &[number]).unwrap()).collect();
    for number in [3, 0, 4, 1] {
        let message = &sealed[usize::from(number)];
        assert_eq!(bob.signal.decrypt(&ann.jid, message.kind, &message.bytes).unwrap(), [number]);
    }
    let sent: Vec<u32> = ann.signal.take_steps().iter().map(|step| step.counter).collect();
    let received: Vec<u32> = bob.signal.take_steps().iter().map(|step| step.counter).collect();
    assert_eq!((sent, received), (vec![0, 1, 2, 3, 4], vec![3, 0, 4, 1]));
}

#[test]
fn both_names_of_an_account_share_one_session() {
    let (mut ann, mut bob) = pair();
    let sealed = ann.signal.encrypt(&bob.jid, b"by number").unwrap();
    bob.signal.decrypt(&ann.lid, sealed.kind, &sealed.bytes).unwrap();
    let sealed = bob.signal.encrypt(&ann.lid, b"back").unwrap();
    ann.signal.decrypt(&bob.jid, sealed.kind, &sealed.bytes).unwrap();
    bob.signal.learn(&ann.jid, &ann.lid);
    assert_eq!(pass(&mut bob, &mut ann, b"after the names were joined"), EncKind::Session);
}

#[test]
fn a_message_without_a_session_or_with_a_stranger_s_prekey_says_what_is_missing() {
    let (mut ann, mut bob) = pair();
    pass(&mut ann, &mut bob, b"one");
    let back = bob.signal.encrypt(&ann.jid, b"two").unwrap();
    let error = one("3").signal.decrypt(&bob.jid, back.kind, &back.bytes).unwrap_err();
    assert!(matches!(error, SignalError::NoSession(_)), "{error}");
    let first = pair().0.signal.encrypt(&bob.jid, b"for bob").unwrap();
    let error = one("4").signal.decrypt(&ann.jid, first.kind, &first.bytes).unwrap_err();
    assert!(matches!(error, SignalError::NoPrekey), "{error}");
}

#[test]
fn rubbish_is_an_error_and_never_a_panic() {
    let (mut ann, mut bob) = pair();
    let sealed = ann.signal.encrypt(&bob.jid, b"hello").unwrap();
    for length in 0..sealed.bytes.len() {
        assert!(bob.signal.decrypt(&ann.jid, sealed.kind, &sealed.bytes[..length]).is_err());
    }
    for at in (0..sealed.bytes.len()).step_by(7) {
        let mut bytes = sealed.bytes.clone();
        bytes[at] ^= 1;
        let _ = bob.signal.decrypt(&ann.jid, sealed.kind, &bytes);
    }
}

#[test]
fn a_group_is_encrypted_once_for_all_who_have_the_key() {
    let (mut ann, mut bob, mut eve) = (one("1"), one("2"), one("3"));
    let group: Jid = "120363000000000001@g.us".parse().unwrap();
    let key = ann.signal.distribution(&group).unwrap();
    bob.signal.process_distribution(&group, &ann.jid, &key).unwrap();
    let sealed: Vec<Sealed> = (0..3u8).map(|number| ann.signal.encrypt_for_group(&group, &[number]).unwrap()).collect();
    for number in [1, 0, 2] {
        let bytes = &sealed[usize::from(number)].bytes;
        assert_eq!(bob.signal.decrypt_from_group(&group, &ann.jid, bytes).unwrap(), [number]);
    }
    let again = bob.signal.decrypt_from_group(&group, &ann.jid, &sealed[0].bytes).unwrap_err();
    assert!(matches!(again, SignalError::Again), "{again}");
    let error = eve.signal.decrypt_from_group(&group, &ann.jid, &sealed[0].bytes).unwrap_err();
    assert!(matches!(error, SignalError::NoSenderKey(_)), "{error}");
}

#[test]
fn a_sender_key_taken_by_one_name_serves_the_other() {
    let (mut ann, mut bob) = (one("1"), one("2"));
    let group: Jid = "120363000000000001@g.us".parse().unwrap();
    let key = ann.signal.distribution(&group).unwrap();
    bob.signal.process_distribution(&group, &ann.lid, &key).unwrap();
    bob.signal.learn(&ann.lid, &ann.jid);
    let sealed = ann.signal.encrypt_for_group(&group, b"all").unwrap();
    assert_eq!(bob.signal.decrypt_from_group(&group, &ann.jid, &sealed.bytes).unwrap(), b"all");
}

#[test]
fn padding_of_every_length_is_taken_off_and_a_wrong_one_refused() {
    for count in 1..=16u8 {
        let mut padded = b"text".to_vec();
        padded.extend(vec![count; usize::from(count)]);
        assert_eq!(unpad(padded).unwrap(), b"text");
    }
    for wrong in [&b""[..], b"a\x00", b"a\x11", b"\x02", b"a\x01\x03\x03"] {
        assert!(unpad(wrong.to_vec()).is_err(), "{wrong:?}");
    }
}
