//! Runs a scenario on a network.

use std::time::Duration;

use crate::clock;
use crate::faults::{Scenario, ScenarioRun};
use crate::server::network::Network;

/// Runs the scenario from its start to its last change.
pub async fn play(network: Network, scenario: Scenario) {
    let mut performance = ScenarioRun::new(scenario);
    let start = clock::instant();
    loop {
        let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let remove = |number| {
            network.faults().remove(number);
        };
        match performance.advance(elapsed_ms, |planned| network.add_fault(planned), remove) {
            Ok(None) => return,
            Ok(Some(next_ms)) => clock::sleep(Duration::from_millis(next_ms.saturating_sub(elapsed_ms))).await,
            Err(error) => tracing::warn!(%error, "a step of the scenario is skipped"),
        }
    }
}
