//! Which of a device's waiting messages leave first. Called by whatever makes, stores or sends a message.

use serde::{Deserialize, Serialize};

/// Which of a device's waiting messages leave first. A message of a lower priority waits while one of a higher is ready.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// One-time passwords and answers: quiet hours and a used-up warm-up allowance do not hold it back.
    High,
    #[default]
    Normal,
    /// Campaigns.
    Bulk,
}

/// A number that stands for no priority.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no priority")]
pub struct BadPriority(i64);

impl Priority {
    /// From the first to leave to the last.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Bulk];

    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.name() == name)
    }

    /// As the store has it: a lower number leaves first.
    pub fn number(self) -> i64 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    /// Its place in [`Priority::ALL`].
    pub fn index(self) -> usize {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }
}

impl TryFrom<i64> for Priority {
    type Error = BadPriority;

    fn try_from(number: i64) -> Result<Self, BadPriority> {
        Self::ALL.into_iter().find(|priority| priority.number() == number).ok_or(BadPriority(number))
    }
}
