//! What a client receives, and is not told, while it registers.

use super::*;
use crate::server::network::Settings;
use crate::wire::stanza::empty;

#[test]
fn a_set_of_the_server_has_what_clients_look_for() {
    let node = set("pair-device", empty("pair-device"));
    assert_eq!((node.text("type"), node.text("xmlns")), (Some("set".into()), Some("md".into())));
}

#[test]
fn a_client_that_asks_again_for_a_code_to_be_typed_has_one() {
    let network = Network::new(Settings::default()).unwrap();
    network.register_person("15550001", "Ann");
    let registering = Arc::new(Registering {
        network: network.clone(),
        send_queue: Arc::default(),
        noise_public: [1; 32],
        identity_public: [2; 32],
        registration: [3; 4],
        signed: SignedPrekey { id: [4; 3], value: [5; 32], signature: [6; 64] },
        references: Mutex::default(),
        typed_code: Mutex::default(),
        gate: Mutex::default(),
        stage: Mutex::new(Stage::Waiting),
    });
    let wrapped_key = holding("link_code_pairing_wrapped_companion_ephemeral_pub", [7; 80]);
    let hello = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "companion_hello")
        .attr("jid", "15550001@s.whatsapp.net")
        .children([
            wrapped_key,
            holding("companion_server_auth_key_pub", [1; 32]),
            holding("companion_platform_display", *b"Chrome (Linux)"),
        ])
        .build();
    let hello = NodeBuilder::new("iq").attr("type", "set").attr("id", "1").children([hello]).build();
    (0..3).for_each(|_| registering.receive(&hello));
    let reference = registering.typed_code.lock().as_ref().unwrap().reference.clone();
    assert_eq!(*registering.references.lock(), std::slice::from_ref(&reference));
    assert_eq!(network.inner.registrations.waiting.lock().len(), 1);
    assert!(network.pending(&reference).is_some());
}
