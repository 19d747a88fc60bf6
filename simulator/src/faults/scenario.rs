//! Scenarios: a seed and a list of faults in a file.
//!
//! The file is TOML, because people write it and need comments to say why a fault is there; faults and scopes look the
//! same as in the JSON of the control API. The order of events is expressed by the numbers `from` and `until` of a
//! scope, which are exactly reproducible; `starts_at_ms` and `ends_at_ms` follow the clock, and are as reproducible as
//! the clients' timing. `scenarios/rough-day.toml` shows both.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::faults::fault::Fault;
use crate::faults::plan::{FaultNumber, PlanError};
use crate::faults::scope::{PlannedFault, Scope};
use crate::limits;

/// A parsed scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Seed of all random decisions.
    pub seed: u64,
    /// Its faults, in the order of the file.
    pub steps: Vec<Step>,
}

/// One fault of a scenario, and when it is active.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The fault and its scope.
    pub planned: PlannedFault,
    /// Milliseconds from the scenario's start; 0 is at its start.
    pub starts_at_ms: u64,
    /// Milliseconds from the scenario's start; `None` means until the end.
    pub ends_at_ms: Option<u64>,
}

/// Why a scenario cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file is invalid; the text says what is wrong, and what to do.
    #[error("{path}:{line}: {what}", path = .path.display())]
    Impossible {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        what: String,
    },
}

/// The file format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioText {
    seed: u64,
    #[serde(default)]
    step: Vec<Spanned<StepText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    fault: Fault,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    starts_at_ms: u64,
    #[serde(default)]
    ends_at_ms: Option<u64>,
}

impl Scenario {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Parses the text of a file; `path` is for errors.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ScenarioError> {
        let impossible = |place: usize, what: String| {
            let before = text.as_bytes().get(..place).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            ScenarioError::Impossible { path: path.to_owned(), line, what }
        };
        if text.len() > limits::SCENARIO_BYTES_MAX {
            let what = format!("the file is larger than {} bytes; split it", limits::SCENARIO_BYTES_MAX);
            return Err(impossible(0, what));
        }
        let read: ScenarioText = toml::from_str(text).map_err(|error| {
            impossible(error.span().map_or(0, |span| span.start), error.message().replace('\n', " "))
        })?;
        if let Some(step) = read.step.get(limits::FAULTS_MAX) {
            let what = format!("there are more than {} steps; leave some out", limits::FAULTS_MAX);
            return Err(impossible(step.span().start, what));
        }
        let steps = read.step.into_iter().map(|step| {
            let place = step.span().start;
            Step::new(step.into_inner()).map_err(|what| impossible(place, what))
        });
        Ok(Self { seed: read.seed, steps: steps.collect::<Result<_, _>>()? })
    }
}

impl Step {
    fn new(text: StepText) -> Result<Self, String> {
        let StepText { fault, scope, starts_at_ms, ends_at_ms } = text;
        let planned = PlannedFault { fault, scope };
        planned.check()?;
        match ends_at_ms {
            Some(ends) if ends <= starts_at_ms => {
                Err(format!("ends_at_ms ({ends}) does not come after starts_at_ms ({starts_at_ms})"))
            }
            _ => Ok(Self { planned, starts_at_ms, ends_at_ms }),
        }
    }
}

/// A scenario in progress. The caller passes the time in, and learns when to call again.
#[derive(Debug)]
pub struct ScenarioRun {
    /// Pending changes, the next first.
    changes: VecDeque<(u64, Change)>,
    numbers: Vec<Option<FaultNumber>>,
    steps: Vec<Step>,
}

/// What happens to the step at this index. Among changes at the same time, ends come first to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Ends(usize),
    Starts(usize),
}

impl ScenarioRun {
    /// The scenario at its start. Its seed is for the plan that it runs on.
    pub fn new(scenario: Scenario) -> Self {
        let steps = scenario.steps;
        let mut changes = Vec::new();
        for (place, step) in steps.iter().enumerate() {
            changes.push((step.starts_at_ms, Change::Starts(place)));
            changes.extend(step.ends_at_ms.map(|ends| (ends, Change::Ends(place))));
        }
        changes.sort_unstable();
        Self { changes: changes.into(), numbers: vec![None; steps.len()], steps }
    }

    /// Applies, through `add` and `remove`, everything due `elapsed_ms` after the start. Returns when to call again, or
    /// `None` at the end.
    ///
    /// # Errors
    /// The error of `add`. That step is skipped; calling again continues with the next.
    pub fn advance(
        &mut self,
        elapsed_ms: u64,
        mut add: impl FnMut(PlannedFault) -> Result<FaultNumber, PlanError>,
        mut remove: impl FnMut(FaultNumber),
    ) -> Result<Option<u64>, PlanError> {
        while let Some((at_ms, change)) = self.changes.front().copied() {
            if at_ms > elapsed_ms {
                return Ok(Some(at_ms));
            }
            self.changes.pop_front();
            match change {
                Change::Starts(place) => self.numbers[place] = Some(add(self.steps[place].planned.clone())?),
                Change::Ends(place) => self.numbers[place].take().into_iter().for_each(&mut remove),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{AckDecision, DeviceName, Plan, Sending};

    fn parsed(text: &str) -> Result<Scenario, String> {
        Scenario::parse(Path::new("day.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_can_be_played() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/rough-day.toml");
        let scenario = Scenario::read(&path).expect("a scenario");
        assert_eq!((scenario.seed, scenario.steps.len()), (7, 5));
        assert_eq!(scenario.steps[4].ends_at_ms, Some(90_000));
    }

    #[test]
    fn errors_name_the_file_the_line_and_what_to_do() {
        let step = "seed = 1\n\n[[step]]\n";
        let cases = [
            ("[[step]]\nfault = { kind = \"ack_dropped\" }\n", "day.toml:1: missing field `seed`"),
            ("seed = 1\nsped = 2\n", "day.toml:2: unknown field `sped`"),
            ("seed = 1\n\nseed == 2\n", "day.toml:3: "),
            (&format!("{step}fault = {{ kind = \"ack_lost\" }}\n"), "day.toml:4: unknown variant `ack_lost`, expected"),
            (&format!("{step}fault = {{ kind = \"ack_dropped\", code = 1 }}\n"), "day.toml:4: unknown field `code`"),
            (&format!("{step}fault = {{ kind = \"ack_nacked\", code = 0 }}\n"), "day.toml:3: code is 0"),
            (
                &format!("{step}fault = {{ kind = \"ack_dropped\" }}\nscope = {{ moment = \"iq\" }}\n"),
                "day.toml:3: ack_dropped never comes at the moment iq; leave moment out, or use message",
            ),
            (
                &format!("{step}fault = {{ kind = \"ack_dropped\" }}\nstarts_at_ms = 5\nends_at_ms = 5\n"),
                "day.toml:3: ends_at_ms (5) does not come after starts_at_ms (5)",
            ),
        ];
        for (text, expected) in cases {
            let error = parsed(text).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
        let missing = Scenario::read(Path::new("/nowhere/day.toml")).expect_err("no file").to_string();
        assert!(missing.starts_with("/nowhere/day.toml cannot be read"), "{missing}");
        let many = "[[step]]\nfault = { kind = \"ack_dropped\" }\n".repeat(limits::FAULTS_MAX + 1);
        assert!(parsed(&format!("seed = 1\n{many}")).expect_err("too many").contains("more than 256 steps"));
        let large = format!("seed = 1\n#{}", "x".repeat(limits::SCENARIO_BYTES_MAX));
        assert!(parsed(&large).expect_err("too large").contains("split it"));
    }

    #[test]
    fn steps_start_and_end_when_they_are_due() {
        let text = "seed = 3
            [[step]]
            fault = { kind = \"ack_dropped\" }
            starts_at_ms = 100
            ends_at_ms = 200
            [[step]]
            fault = { kind = \"ack_nacked\", code = 463 }
            starts_at_ms = 200
            [[step]]
            fault = { kind = \"message_undecryptable\" }";
        let scenario = parsed(text).expect("a scenario");
        let plan = Plan::new(scenario.seed);
        let mut performance = ScenarioRun::new(scenario);
        let mut at = |elapsed_ms| {
            let remove = |number| assert!(plan.remove(number));
            let next = performance.advance(elapsed_ms, |planned| plan.add(planned), remove);
            let device = DeviceName::new("15550001", 1);
            let sending =
                Sending { device: &device, chat: "15550002", stanza_type: "text", id: "ID", is_first_contact: false };
            (next.expect("room"), plan.on_message(&sending))
        };
        assert_eq!(at(0), (Some(100), AckDecision::Send));
        assert_eq!(at(99), (Some(100), AckDecision::Send));
        assert_eq!(at(150), (Some(200), AckDecision::Drop));
        assert_eq!(at(5_000), (None, AckDecision::Nack { code: 463 }));
        assert_eq!(plan.active().len(), 2);
    }

    #[test]
    fn a_step_that_finds_no_room_does_not_hold_up_the_others() {
        let scenario = parsed("seed = 3\n[[step]]\nfault = { kind = \"ack_dropped\" }\nends_at_ms = 5\n").expect("one");
        let mut performance = ScenarioRun::new(scenario);
        assert_eq!(performance.advance(0, |_| Err(PlanError::Full), |_| ()), Err(PlanError::Full));
        assert_eq!(performance.advance(0, |_| Err(PlanError::Full), |_| ()), Ok(Some(5)));
        assert_eq!(performance.advance(5, |_| Err(PlanError::Full), |_| panic!("it never started")), Ok(None));
    }
}
