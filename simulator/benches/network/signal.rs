//! The baselines: what clients do without any network, namely generating keys, encrypting and decrypting.

use std::time::Duration;

use anyhow::Context;
use simulator::clock;
use simulator::phone::address::Profile;
use simulator::phone::bundle::Bundle;
use simulator::phone::identity::Identity;
use simulator::phone::rng::SeededRng;
use simulator::phone::signal::Signal;
use simulator::wire::stanza::NodeBuilder;

/// One-time prekeys that a client generates when it is linked.
const PREKEYS: usize = 812;
/// Devices that a text is encrypted for: the recipient's phone and companion, and the sender's own phone.
pub const DEVICES: usize = 3;
const TEXT: &[u8] = b"a line of text, as people write it";

/// Time to generate the keys of this many clients on one core.
pub fn keys(clients: usize) -> anyhow::Result<Duration> {
    let mut rng = SeededRng::new(1, "keys");
    let started = clock::instant();
    for _ in 0..clients {
        std::hint::black_box(Identity::generate(&mut rng)?.upload(PREKEYS, &mut rng));
    }
    Ok(started.elapsed())
}

/// Time for one core to encrypt and decrypt this many texts, for each of their devices.
pub fn texts(count: usize) -> anyhow::Result<Duration> {
    let mut people = ["1", "2"].map(|number| {
        let person = Profile { number: number.to_owned(), lid: format!("9{number}"), name: "Somebody".to_owned() };
        Signal::new(&person, SeededRng::new(1, number)).map(|signal| (person.jid(), signal))
    });
    let [Ok((ann, from)), Ok((bob, to))] = &mut people else { anyhow::bail!("no keys") };
    let (identity, rng) = to.identity_mut();
    let mut parts = identity.upload(1, rng);
    let list = parts.iter().position(|node| node.tag == "list").map(|place| parts.remove(place)).context("keys")?;
    parts.push(list.get_optional_child("key").context("a key")?.clone());
    from.begin(bob, &Bundle::read(&NodeBuilder::new("user").children(parts).build())?)?;
    // A reply, after which messages no longer carry prekeys.
    let first = from.encrypt(bob, TEXT)?;
    to.decrypt(ann, first.kind, &first.bytes)?;
    let answer = to.encrypt(ann, TEXT)?;
    from.decrypt(bob, answer.kind, &answer.bytes)?;
    let started = clock::instant();
    for _ in 0..count * DEVICES {
        let sealed = from.encrypt(bob, TEXT)?;
        std::hint::black_box(to.decrypt(ann, sealed.kind, &sealed.bytes)?);
    }
    from.take_steps();
    to.take_steps();
    Ok(started.elapsed())
}
