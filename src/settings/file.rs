//! The settings that stand in a file, in TOML.

use std::collections::BTreeMap;
use std::path::Path;

use super::{BUCKET_PREFIX, BadSetting, SETTINGS, names};

pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, BadSetting> {
    let failed = |reason: String| BadSetting { source_name: path.display().to_string(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| failed(error.to_string()))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        if !name.starts_with(BUCKET_PREFIX) && !SETTINGS.iter().any(|setting| setting.name == name) {
            let known: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
            let meant = names::nearest(&name, known.iter().copied());
            let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
            return Err(failed(format!("'{name}' is no setting; {meant}the settings are {}", known.join(", "))));
        }
        values.insert(name, plain(value));
    }
    Ok(values)
}

/// A TOML value as the environment would hold it: a list is separated by commas.
fn plain(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        toml::Value::Array(values) => values.into_iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
