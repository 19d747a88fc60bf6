//! What stands in a cell of a file. Pure; called by whatever reads files.

/// A cell's text, or why it has none that can be sent.
pub type Cell = Result<String, BadCell>;

/// Why the value of a spreadsheet's cell is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCell {
    #[error("the cell holds a number with a fraction, {0}; format it as text and write what you mean")]
    Fraction(String),
    #[error("the cell holds a number below zero, {0}; format it as text and write what you mean")]
    Negative(String),
    #[error("the cell holds a number of more digits than a spreadsheet keeps; format it as text and write every digit")]
    TooLarge,
    #[error("the cell holds a date or time; format it as text and write it as it is to be read")]
    Date,
    #[error("the cell shows a number in the format {format}; format it as text and write it as it is to be read")]
    Format {
        format: String,
        /// The number as the cell shows it, where that is its digits and what stands between and around those of a phone number.
        shown: Option<String>,
    },
    #[error("the cell holds {0}, a number that has lost digits; format the column as text and give every digit")]
    LostDigits(String),
    #[error("the cell shows the error {0}")]
    Error(String),
    #[error("the cell holds far more text than a message may have")]
    TooLong,
    #[error("the cell has a formula without a stored value; open the file in a spreadsheet program and save it")]
    Formula,
}
