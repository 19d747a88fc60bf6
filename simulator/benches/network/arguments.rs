//! The command line.

pub const HELP: &str = "\
Measures the simulated network

  --clients N     linked to one network (500)
  --messages N    in one run of routing inside the process; a tenth of it between clients (100000)
  --runs N        of routing; the table shows their median (3)";

pub struct Arguments {
    pub clients: usize,
    pub messages: usize,
    pub runs: usize,
    pub is_help_wanted: bool,
    /// Run as the network process.
    pub is_service: bool,
}

impl Arguments {
    /// Parses the arguments; the error is shown to the user.
    pub fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self { clients: 500, messages: 100_000, runs: 3, is_help_wanted: false, is_service: false };
        while let Some(name) = given.next() {
            let place = match name.as_str() {
                // Passed by cargo.
                "--bench" => continue,
                crate::service::NAME => {
                    arguments.is_service = true;
                    continue;
                }
                "--help" | "-h" => {
                    arguments.is_help_wanted = true;
                    continue;
                }
                "--clients" => &mut arguments.clients,
                "--messages" => &mut arguments.messages,
                "--runs" => &mut arguments.runs,
                _ => return Err(format!("{name} is no option\n\n{HELP}")),
            };
            let value = given.next().and_then(|value| value.parse().ok()).filter(|value| *value > 0);
            *place = value.ok_or_else(|| format!("{name} takes a number above 0\n\n{HELP}"))?;
        }
        Ok(arguments)
    }
}
