//! Numbers that no numbering plan allows, but whose owners have written to the client: they can always be answered.

use super::Api;
use super::problem::Problem;
use crate::account::Client;
use crate::phone::{BadDestination, Dialling};

impl Api {
    /// Checks a body of so many bytes; once more where it was refused for a number that has written to the client.
    ///
    /// # Errors
    /// What `check` finds; 503 when the store cannot be read.
    pub async fn check_recipient<T>(
        &self,
        client: &Client,
        bytes: usize,
        check: impl Fn(Dialling<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let country_code = client.country_code.as_str();
        let first = self.parse(client.id, bytes, || check(country_code.into())).await?;
        let Err(Problem::Invalid(faults)) = &first else { return first };
        let Some(number) = faults.iter().find_map(|fault| fault.number.clone()) else { return first };
        if !self.store.has_written(client.id, &number).await? {
            return first;
        }
        let known = Dialling { country_code, known: Some(&number) };
        self.parse(client.id, bytes, || check(known)).await?
    }

    /// Reads a number in a field of a body.
    ///
    /// # Errors
    /// 422 when it is none; 503 when the store cannot be read.
    pub async fn dial(
        &self,
        client: &Client,
        field: &'static str,
        parse: impl Fn(Dialling<'_>) -> Result<String, BadDestination>,
    ) -> Result<String, Problem> {
        self.store.dial(client, parse).await?.map_err(|bad| Problem::field(field, bad.to_string()))
    }
}
