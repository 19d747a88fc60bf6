//! Charts, drawn here as SVG: small bars, a row for each thing that is counted, so that no colour has to tell them apart.

use std::fmt::Write;

const WIDTH: usize = 360;
/// A row: its title, and its bars below.
const TITLE_HEIGHT: usize = 18;
const BARS_HEIGHT: usize = 34;
const ROW_HEIGHT: usize = TITLE_HEIGHT + BARS_HEIGHT + 10;
/// The labels below the last row.
const FOOT_HEIGHT: usize = 16;

/// One row of bars.
pub struct Row<'a> {
    pub title: &'a str,
    /// What stands at the end of the title: the sum, as the reader writes numbers.
    pub sum: String,
    pub counts: Vec<i64>,
}

/// Draws rows that have a common time axis. `label` says in a sentence what is seen, `ends` what stands at both ends of the
/// axis. Rows have scales of their own: what is rare is seen beside what is frequent.
pub fn draw(label: &str, rows: &[Row<'_>], ends: [&str; 2]) -> String {
    let height = rows.len() * ROW_HEIGHT + FOOT_HEIGHT;
    let mut svg =
        format!("<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">", escape(label));
    // Writing into a text cannot fail.
    for (at, row) in rows.iter().enumerate() {
        let top = at * ROW_HEIGHT;
        let (text, base) = (top + TITLE_HEIGHT - 5, top + TITLE_HEIGHT + BARS_HEIGHT);
        let _ = write!(svg, "<text x=\"0\" y=\"{text}\">{}</text>", escape(row.title));
        let _ = write!(svg, "<text x=\"{WIDTH}\" y=\"{text}\" text-anchor=\"end\">{}</text>", escape(&row.sum));
        let _ = write!(svg, "<path d=\"M0 {base}.5h{WIDTH}\" stroke=\"currentColor\" stroke-opacity=\".4\"/>");
        let _ = write!(svg, "<path d=\"{}\" fill=\"currentColor\"/>", bars(&row.counts, base));
    }
    let foot = height - 4;
    let _ = write!(svg, "<text x=\"0\" y=\"{foot}\">{}</text>", escape(ends[0]));
    let _ = write!(svg, "<text x=\"{WIDTH}\" y=\"{foot}\" text-anchor=\"end\">{}</text>", escape(ends[1]));
    svg + "</svg>"
}

/// The outline of bars that stand at `base`, the highest as high as there is room. What is not nothing is at least a line.
fn bars(counts: &[i64], base: usize) -> String {
    let mut path = String::new();
    let most = counts.iter().copied().max().unwrap_or(0);
    let room = i64::try_from(BARS_HEIGHT).unwrap_or(i64::MAX);
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) = (at * WIDTH / counts.len(), (at + 1) * WIDTH / counts.len());
        // In 128 bits, so that no count is too large.
        let height = (i128::from(*count) * i128::from(room) / i128::from(most)).max(1);
        let _ = write!(path, "M{left} {base}v-{height}h{}v{height}z", right - left - 2);
    }
    path
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_count_and_never_vanishes() {
        assert_eq!(bars(&[0, 10, 5, 1, 0], 100), "M72 100v-34h70v34zM144 100v-17h70v17zM216 100v-3h70v3z");
        assert_eq!(bars(&[i64::MAX, 1], 100), "M0 100v-34h178v34zM180 100v-1h178v1z");
        assert_eq!(bars(&[0, 0], 100), "");
        assert_eq!(bars(&[], 100), "");
    }

    #[test]
    fn a_chart_says_what_it_shows_and_has_no_style_of_its_own() {
        let row = |title| Row { title, sum: "1.234".into(), counts: vec![1, 2, 3] };
        let svg = draw("Sent & \"read\" <by hour>", &[row("Sent"), row("Read")], ["00:00", "23:00"]);
        let label = "role=\"img\" aria-label=\"Sent &amp; &quot;read&quot; &lt;by hour&gt;\"";
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && svg.contains(label), "{svg}");
        assert!(svg.contains(">1.234</text>") && svg.contains(">00:00</text>") && svg.contains(">23:00</text>"));
        assert!(!svg.contains("style") && !svg.contains("script"), "{svg}");
        assert!(svg.contains("viewBox=\"0 0 360 140\""), "{svg}");
        let mut reader = quick_xml::Reader::from_str(&svg);
        while reader.read_event().expect("it is well-formed") != quick_xml::events::Event::Eof {}
    }
}
