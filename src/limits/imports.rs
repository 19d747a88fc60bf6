//! The bounds of files that are imported.

use super::TEXT_CHARS_MAX;

/// How long a row of an imported campaign is remembered, so that importing the file again sends nothing twice.
pub const IMPORT_DAYS: i64 = 90;
/// How long after a row was queued another campaign that says the same to the same recipient is asked about: less than a week, so
/// that a weekly reminder is not.
pub const IMPORT_SENT_DAYS: i64 = 6;
/// A CSV file that is imported, and its rows.
pub const IMPORT_BYTES_MAX: usize = 8 * 1024 * 1024;
pub const IMPORT_ROWS_MAX: usize = 50_000;
/// Columns of a file that is imported: as many as a sheet can have.
pub const IMPORT_COLUMNS_MAX: usize = 16_384;
/// Imports of one client that are kept, with their files; one that is not under way gives way.
pub const IMPORTS_KEPT_MAX: i64 = 50;
/// Imports that one node works on at once, of different clients: each holds its file in memory.
pub const IMPORTS_AT_ONCE_MAX: usize = 2;
/// How long an import is worked on before it makes room for one of another client that waits; and for how many times as long as it
/// took to read its file, which has to be read again when it goes on.
pub const IMPORT_TURN_MS: i64 = 1_000;
pub const IMPORT_TURN_READINGS: i64 = 2;
/// How long an import is kept after it ended, or was given and never begun.
pub const IMPORT_KEPT_DAYS: i64 = 30;
/// Rows of an import that wait for one commit together.
pub const IMPORT_ROWS_AT_ONCE: usize = 64;
/// Characters that are kept of what stands in a row, and of why it is refused.
pub const IMPORT_WORDS_CHARS_MAX: usize = 200;
/// What a workbook that is imported unpacks to, and one part of it besides its sheets and texts.
pub const WORKBOOK_BYTES_MAX: u64 = 128 * 1024 * 1024;
pub const WORKBOOK_PART_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The texts of a workbook are in memory all at once.
pub const WORKBOOK_TEXTS_BYTES_MAX: u64 = 48 * 1024 * 1024;
pub const WORKBOOK_TEXT_ELEMENTS_MAX: usize = 4_000_000;
/// Elements of another part, such as its styles: each becomes some hundred bytes.
pub const WORKBOOK_PART_ELEMENTS_MAX: usize = 200_000;
/// Bytes that the library may copy for a workbook's styles: each of them has a copy of its format and of its font's name.
pub const WORKBOOK_STYLES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// One text of a workbook between two tags: far more than the 32,767 characters of a cell.
pub const WORKBOOK_RUN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of the texts that are kept of a workbook's cells, for each [`IMPORT_ROWS_MAX`] rows: many cells may share one text.
pub const WORKBOOK_KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of a text in a cell: a character may be written as two backslashes and ten letters.
pub const CELL_BYTES_MAX: usize = TEXT_CHARS_MAX * 12;
/// Rows of a sheet, as spreadsheet programs have them.
pub const WORKBOOK_ROWS_MAX: u64 = 1_048_576;
/// Files in a workbook's archive.
pub const WORKBOOK_PARTS_MAX: usize = 10_000;
/// Formulas without a value that are told apart from empty cells.
pub const WORKBOOK_FORMULAS_MAX: usize = 1_000_000;
/// Rows of a file that the command line imports: it has the machine's memory to itself.
pub const IMPORT_ROWS_BY_HAND_MAX: usize = 1_000_000;
