//! `priority` and `tag`, which every send takes. Called by `fields.rs`.

use super::form::{Checked, Form};
use super::json::Json;
use crate::limits;
use crate::message::Priority;

impl Form<'_> {
    /// A member of an enumeration is its exact name, as pydantic takes it.
    pub(super) fn priority(&mut self) -> Checked<Priority> {
        let given = match self.take("priority") {
            Json::Null => return Ok(Priority::default()),
            Json::String(name) => Priority::from_name(&name),
            Json::Number(_) | Json::Bool(_) | Json::Array { .. } | Json::Object => None,
        };
        match given {
            Some(priority) => Ok(priority),
            None => {
                let permitted: Vec<_> = Priority::ALL.iter().map(|priority| format!("'{}'", priority.name())).collect();
                let msg = format!("value is not a valid enumeration member; permitted: {}", permitted.join(", "));
                self.refuse("priority", msg, "type_error.enum")
            }
        }
    }

    /// A word of the customer's own; an empty one counts as absent.
    pub(super) fn tag(&mut self) -> Checked<Option<String>> {
        let Some(text) = self.optional("tag")? else { return Ok(None) };
        self.at_most("tag", &text, limits::TAG_CHARS_MAX)?;
        Ok(Some(text.into_owned()).filter(|tag| !tag.is_empty()))
    }
}
