//! Images that the builder delivers to the runtime in advance.

use hearth_base::Result;
use hearth_testkit::wait_until;

use crate::fixture::start_fixture;

#[tokio::test]
async fn builder_image_and_prepared_images_are_delivered_without_a_build() -> Result<()> {
    // `python3.13` has not been made: the others are delivered all the same.
    let config = "[builder]\nprepared_images = [\"python3.13\", \"static\"]\n";
    let mut fixture = start_fixture(config).await?;
    fixture.start_workers();
    wait_until("the images to be delivered", || async {
        Ok((fixture.runtime.ensured.lock().unwrap().len() >= 2).then_some(()))
    })
    .await?;
    let resolved = fixture.state.lock().unwrap().resolved.clone();
    assert_eq!(resolved, ["hearth/builder", "python3.13", "static"]);
    assert!(fixture.runtime.list_started_steps().is_empty());
    Ok(())
}
