//! Linking, tested against the checks of the client library as a companion.

use super::*;
use wacore::adv::{AdvValidation, decode_key_index_list, validate_adv_with_identity_key};
use wacore::companion_reg::CompanionWebClientType;
use wacore::libsignal::protocol::{IdentityKeyPair, KeyPair};
use wacore::pair::{DeviceState, PairUtils};

const NOW_MS: u64 = 1_750_000_000_000;

struct World {
    rng: SeededRng,
    own: Identity,
    companions: Companions,
}

fn world() -> World {
    let mut rng = SeededRng::new(1, "ann");
    let own = Identity::generate(&mut rng).unwrap();
    let companions = Companions::new(&mut rng);
    World { rng, own, companions }
}

/// A companion with the client library's state.
fn companion(rng: &mut SeededRng) -> DeviceState {
    DeviceState {
        identity_key: KeyPair::generate(rng.std_rng()),
        noise_key: KeyPair::generate(rng.std_rng()),
        adv_secret_key: rng.bytes(),
    }
}

fn identity_of(companion: &DeviceState) -> [u8; 32] {
    companion.identity_key.public_key.public_key_bytes().try_into().unwrap()
}

/// Links it and returns the identity that others are shown.
fn link(world: &mut World, companion: &DeviceState, device: u16) -> Result<Vec<u8>, LinkError> {
    let secret = &companion.adv_secret_key;
    let admission = world.companions.admit(&world.own, identity_of(companion), secret, NOW_MS, &mut world.rng)?;
    let (returned, key_index) = PairUtils::do_pair_crypto(companion, &admission.device_identity).unwrap();
    assert_eq!(key_index, admission.key_index);
    world.companions.settle(&world.own, device, &admission, &returned)
}

#[test]
fn codes_are_read_with_and_without_a_link_and_a_type() {
    let mut rng = SeededRng::new(1, "code");
    let keys: Vec<[u8; 32]> = (0..3).map(|_| rng.bytes()).collect();
    let bare = format!("2@ref,{}", keys.iter().map(|key| STANDARD.encode(key)).collect::<Vec<_>>().join(","));
    for text in [bare.clone(), format!("{bare},3"), format!("{LINK_PREFIX}{bare},3"), format!("  {bare}\n")] {
        let code = QrCode::read(&text).unwrap();
        assert_eq!(code.reference, "2@ref");
        assert_eq!([code.noise_key, code.identity, code.secret].as_slice(), keys);
    }
    let library = companion(&mut rng);
    let code = QrCode::read(&PairUtils::make_qr_data(&library, "2@abc", CompanionWebClientType::Chrome)).unwrap();
    assert_eq!(code.check(&identity_of(&library), library.noise_key.public_key.public_key_bytes()), Ok(()));
}

#[test]
fn what_is_no_code_is_refused() {
    let key = STANDARD.encode([1; 32]);
    for text in [
        "",
        "hello",
        "a,b,c,d",
        &format!(",{key},{key},{key}"),
        &format!("r,{key},{key}"),
        &format!("r,{key},{key},AAA"),
    ] {
        assert!(matches!(QrCode::read(text), Err(LinkError::NotACode(_))), "{text}");
    }
}

#[test]
fn a_code_that_does_not_fit_its_connection_is_refused() {
    let code = QrCode { reference: "r".to_owned(), noise_key: [1; 32], identity: [2; 32], secret: [3; 32] };
    assert_eq!(code.check(&[2; 32], &[1; 32]), Ok(()));
    assert_eq!(code.check(&[9; 32], &[1; 32]), Err(LinkError::OtherIdentity));
    assert_eq!(code.check(&[2; 32], &[9; 32]), Err(LinkError::OtherNoiseKey));
}

#[test]
fn the_client_library_accepts_an_admission_and_others_can_check_the_companion() {
    let mut world = world();
    let companion = companion(&mut world.rng);
    let shown = link(&mut world, &companion, 1).unwrap();
    assert_eq!(validate_adv_with_identity_key(&shown, &identity_of(&companion), None), AdvValidation::Valid);
    assert_eq!(validate_adv_with_identity_key(&shown, &[9; 32], None), AdvValidation::Invalid);
    assert_eq!(world.companions.linked()[0].device, 1);
}

#[test]
fn a_wrong_secret_is_noticed_by_the_companion() {
    let mut world = world();
    let companion = companion(&mut world.rng);
    let admission =
        world.companions.admit(&world.own, identity_of(&companion), &[0; 32], NOW_MS, &mut world.rng).unwrap();
    assert!(PairUtils::do_pair_crypto(&companion, &admission.device_identity).is_err());
}

#[test]
fn a_companion_that_signs_wrongly_is_not_linked() {
    let mut world = world();
    let (companion, other) = (companion(&mut world.rng), companion(&mut world.rng));
    let admission = world
        .companions
        .admit(&world.own, identity_of(&companion), &companion.adv_secret_key, NOW_MS, &mut world.rng)
        .unwrap();
    let (returned, _) = PairUtils::do_pair_crypto(&companion, &admission.device_identity).unwrap();
    let another = Admission { identity: identity_of(&other), ..admission.clone() };
    assert_eq!(world.companions.settle(&world.own, 1, &another, &returned), Err(LinkError::WrongSignature));
    assert_eq!(world.companions.settle(&world.own, 1, &admission, b"rubbish"), Err(LinkError::WrongSignature));
    assert!(world.companions.linked().is_empty());
}

#[test]
fn the_list_of_indexes_follows_linking_and_unlinking() {
    let mut world = world();
    for device in 1..=4 {
        let companion = companion(&mut world.rng);
        link(&mut world, &companion, device).unwrap();
    }
    let fifth = companion(&mut world.rng);
    assert_eq!(link(&mut world, &fifth, 5), Err(LinkError::TooMany));
    world.companions.unlink(2).unwrap();
    assert_eq!(world.companions.unlink(2), Err(LinkError::Unknown));
    let list = world.companions.key_index_list(&world.own, NOW_MS, &mut world.rng).unwrap();
    let decoded = decode_key_index_list(&list).unwrap();
    assert_eq!((decoded.valid_indexes, decoded.current_index), (vec![0, 1, 3, 4], 4));
    assert_eq!(decoded.raw_id, world.companions.raw_id());
}

#[test]
fn of_two_that_are_linked_at_once_to_the_last_place_one_is_refused() {
    let mut world = world();
    (1..=3).for_each(|device| {
        let companion = companion(&mut world.rng);
        link(&mut world, &companion, device).unwrap();
    });
    let admitted = [4, 5].map(|device| {
        let companion = companion(&mut world.rng);
        let secret = &companion.adv_secret_key;
        let admission = world.companions.admit(&world.own, identity_of(&companion), secret, NOW_MS, &mut world.rng);
        let admission = admission.unwrap();
        let (returned, _) = PairUtils::do_pair_crypto(&companion, &admission.device_identity).unwrap();
        (device, admission, returned)
    });
    let outcomes = admitted
        .map(|(device, admission, returned)| world.companions.settle(&world.own, device, &admission, &returned).err());
    assert_eq!(outcomes, [None, Some(LinkError::TooMany)]);
}

#[test]
fn an_identity_is_no_other_s() {
    let mut rng = SeededRng::new(2, "eve");
    let stranger = IdentityKeyPair::generate(rng.std_rng());
    assert_ne!(stranger.public_key().public_key_bytes(), world().own.public_key());
}
