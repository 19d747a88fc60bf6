//! Rows below a table that are no messages.

use super::{heading, text, workbook};
use crate::campaign::tests::{A, reads};

#[test]
fn a_row_of_totals_is_said_to_be_one() {
    let total = |at: u32, cells: &str| format!(r#"<row r="{at}">{cells}</row>"#);
    let rows = [
        total(2, &(text("A2", A) + &text("B2", "x"))),
        total(3, &text("A3", "Total")),
        total(4, &format!("{}{}", text("A4", "Jumlah: 12.500.000"), text("B4", "x"))),
        total(5, &text("B5", "Total")),
        total(6, r#"<c r="C6"><f>SUM(C2:C2)</f><v>250000</v></c>"#),
        total(7, &text("A7", "Grand Total 1500000000")),
    ];
    let book = workbook(&format!("{}{}", heading(&["to", "text", "amount"]), rows.concat()));
    let (named, unnamed) =
        ("! is no phone number; if it is a note or a total", "! it has no phone number; if it is a total");
    reads(&book, &[(2, "628111111111: x"), (3, named), (4, named), (5, unnamed), (6, unnamed), (7, named)]);
}
