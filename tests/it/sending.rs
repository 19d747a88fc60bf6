//! A message out: accepted, sent, delivered, read.

use crate::world::{ALICE, World, stories};

stories! {
    async fn a_text_reaches_read(database: Database) {
        let world = World::new(database).await;
        let ref_no = world.send(ALICE, "hello").await;
        let message = world.until(&ref_no, "R").await;
        assert_eq!(message["message"], "hello");
        world.stop().await;
    }
}
