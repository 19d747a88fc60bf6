//! How a program sends by this gateway: samples that run as they stand, once the key is put in.

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;

use super::Console;
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Visit};

/// A sample of docs/samples.
struct Written {
    language: &'static str,
    /// What has to be there first: a command, or the names of programs.
    needs: &'static str,
    run: &'static str,
    text: &'static str,
}

const SAMPLES: [Written; 6] = [
    Written {
        language: "curl",
        needs: "curl, jq",
        run: "sh message.sh",
        text: include_str!("../../docs/samples/curl/message.sh"),
    },
    Written {
        language: "PHP",
        needs: "PHP 8.1, php-curl",
        run: "php message.php",
        text: include_str!("../../docs/samples/php/message.php"),
    },
    Written {
        language: "Python",
        needs: "pip install requests",
        run: "python3 message.py",
        text: include_str!("../../docs/samples/python/message.py"),
    },
    Written {
        language: "Node.js",
        needs: "npm install axios",
        // Alone in a folder a file that imports has to say so by its ending.
        run: "node message.mjs",
        text: include_str!("../../docs/samples/node/message.js"),
    },
    Written {
        language: "Go",
        needs: "Go 1.24",
        run: "go run message.go",
        text: include_str!("../../docs/samples/go/message/main.go"),
    },
    Written {
        language: "Ruby",
        needs: "gem install rest-client",
        run: "ruby message.rb",
        text: include_str!("../../docs/samples/ruby/message.rb"),
    },
];
const LOCAL: &str = "http://127.0.0.1:8080";
/// Stands where the key belongs: keys are kept nowhere.
const KEY: &str = "YOUR_API_KEY";
const DESTINATION: &str = "6281234567890";

pub fn routes() -> Router<Console> {
    Router::new().route("/console/api", get(show))
}

#[derive(Template)]
#[template(path = "api.html")]
struct Page {
    frame: Frame,
    devices: Vec<Device>,
    chosen: Device,
    url: String,
    samples: Vec<Sample>,
}

#[derive(Deserialize, Clone, Default)]
struct Device {
    device_id: String,
    name: String,
    sender: String,
    kind: String,
}

struct Sample {
    /// Of the element that holds it.
    id: String,
    language: &'static str,
    needs: &'static str,
    run: &'static str,
    text: String,
}

async fn show(visit: Visit) -> Answer {
    let devices: Vec<Device> = match visit.manages() {
        true => visit.get("/manage/1.0/devices?wait=false").await?,
        false => Vec::new(),
    };
    let wanted = visit.query("device").or_else(|| visit.client().default_device.clone());
    let chosen = devices.iter().find(|device| Some(&device.device_id) == wanted.as_ref()).or(devices.first());
    let chosen = chosen.cloned().unwrap_or_else(|| Device { device_id: "YOUR_DEVICE_ID".into(), ..Device::default() });
    let url = visit.console().api.public_url.clone();
    let sample = |Written { language, needs, run, text }: Written| Sample {
        id: format!("sample-{}", language.to_lowercase().replace('.', "")),
        language,
        needs,
        run,
        text: filled(text, &url, &chosen.device_id),
    };
    let samples = SAMPLES.into_iter().map(sample).collect();
    let frame = visit.frame(Place::Api, "API");
    Ok(draw(StatusCode::OK, &Page { frame, devices, chosen, url, samples }))
}

/// A sample with its settings written into it: it reads none from outside.
fn filled(text: &str, url: &str, device_id: &str) -> String {
    let values = [("WACHAT_API_KEY", KEY), ("WACHAT_DEVICE_ID", device_id), ("WACHAT_DESTINATION", DESTINATION)];
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("# Run") && !line.starts_with("// Run")) {
        let mut line = line.replace(LOCAL, url);
        for (name, value) in values {
            // The shell reads each by its name: it is set once, above.
            if line.starts_with(&format!("need {name} ")) {
                line = format!("{name}='{value}'");
            }
            for call in [format!("setting('{name}')"), format!("setting(\"{name}\")")] {
                let mark = if call.contains('"') { '"' } else { '\'' };
                line = line.replace(&call, &format!("{mark}{value}{mark}"));
            }
        }
        lines.push(line);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_everything_but_the_key() {
        for Written { language, text, .. } in SAMPLES {
            let filled = filled(text, "https://wa.example", "11055-171379261223689");
            for part in ["https://wa.example", "11055-171379261223689", KEY, DESTINATION] {
                assert_eq!(filled.matches(part).count(), 1, "{language}: {part}\n{filled}");
            }
            assert!(!filled.contains(LOCAL), "{language}");
        }
    }
}
