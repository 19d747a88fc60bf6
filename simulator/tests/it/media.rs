//! Files: uploaded to the media host and downloaded, over TLS on the one port.

use whatsapp_rust::media::{ImageOptions, image_message};
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::download::MediaType;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_goes_from_one_client_to_another() {
    let world = World::new().await;
    let (ann, bob) = (world.person("15550001", "Ann").await, world.person("15550002", "Bob").await);
    let (one, other) = (world.linked(&ann).await, world.linked(&bob).await);
    let image: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
    let upload = one.client.upload(image.clone(), MediaType::Image, Default::default()).await.unwrap();
    let message = image_message(upload, ImageOptions::default());
    one.client.send_message(bob.jid(), message).await.unwrap();
    let received = other
        .event("an image", |event| match event {
            Event::Messages(batch) => {
                batch.messages.iter().find_map(|message| message.message.image_message.as_option().cloned())
            }
            _ => None,
        })
        .await;
    assert_eq!(other.client.download(&received).await.unwrap(), image);
    world.assert_nothing_unknown();
}
