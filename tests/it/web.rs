//! Stories of linked accounts: linked, sent through, followed, received from.

use crate::stage::{ANN, OWNER, Stage};
use crate::world::stories;

stories! {
    async fn a_text_is_sent_delivered_and_read(database: Database) {
        let stage = Stage::new(database).await;
        let ref_no = stage.send(ANN, "hello Ann").await;
        stage.network.shows_text(ANN, "hello Ann").await;
        stage.world.until(&ref_no, "D").await;
        stage.network.reads(ANN).await;
        let message = stage.world.until(&ref_no, "R").await;
        assert_eq!(message["sender"], OWNER);
        stage.network.assert_sound().await;
    }
}
