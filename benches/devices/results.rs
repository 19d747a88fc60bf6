//! Results of all runs, converted to figures.

use crate::arguments::{Phones, Profile};
use crate::figure::{Aim, Figure, Unit, thousands};

const LIBRARY_ALONE: &str = "library alone";

/// Memory per device, in MB, with this many devices.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub devices: u32,
    pub each_mb: f64,
}

/// Messages sent over this many devices.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    pub devices: u32,
    pub rate: f64,
    /// CPU time per message: of the sender, and of the network including its phones.
    pub processor_ms: f64,
    pub network_ms: f64,
}

/// One run of the gateway, or of the library alone.
#[derive(Debug, Default)]
pub struct Run {
    /// After linking, in the order in which devices were added.
    pub memory: Vec<Memory>,
    /// With all devices, after a restart.
    pub restarted_mb: Option<f64>,
    pub restart_seconds: Option<f64>,
    pub sending: Vec<Sending>,
}

#[derive(Debug, Default)]
pub struct Results {
    pub linked: Vec<Run>,
    pub baseline: Vec<Run>,
}

impl Results {
    pub fn figures(&self, profile: &Profile) -> Vec<Figure> {
        let mut figures = Vec::new();
        let first = self.linked.first();
        for (place, memory) in first.into_iter().flat_map(|run| run.memory.iter().enumerate()) {
            let name = format!("memory of each device, {} linked", thousands(f64::from(memory.devices)));
            let figure = self.figure(name, Unit::Megabytes, |run| run.memory.get(place).map(|memory| memory.each_mb));
            figures.push(figure.aiming(Aim::Under(1.0)));
        }
        let all = thousands(f64::from(profile.devices));
        if first.is_some_and(|run| run.restarted_mb.is_some()) {
            let name = format!("memory of each device, {all} after a restart");
            figures.push(Figure::new(name, Unit::Megabytes, values(&self.linked, |run| run.restarted_mb)));
            let name = format!("restart, {all} devices online");
            figures.push(self.figure(name, Unit::Seconds, |run| run.restart_seconds));
        }
        for (place, sending) in first.into_iter().flat_map(|run| run.sending.iter().enumerate()) {
            figures.extend(self.sending(place, sending.devices, profile.phones));
        }
        figures
    }

    fn sending(&self, place: usize, devices: u32, phones: Phones) -> [Figure; 3] {
        let of = |number: fn(&Sending) -> f64| move |run: &Run| run.sending.get(place).map(number);
        let name = match (devices, phones) {
            (1, Phones::Off) => "accepted to S, 1 device".to_owned(),
            (1, Phones::On) => "accepted to S, 1 device, phones on".to_owned(),
            (_, Phones::Off) => format!("accepted to S, {devices} devices"),
            (_, Phones::On) => format!("accepted to S, {devices} devices, phones on"),
        };
        let aim = if devices == 1 { 2_000.0 } else { 4_000.0 };
        [
            self.figure(name.clone(), Unit::PerSecond, of(|sending| sending.rate)).aiming(Aim::AtLeast(aim)),
            self.figure(format!("{name}: processor time each"), Unit::Milliseconds, of(|sending| sending.processor_ms))
                .aiming(Aim::Under(0.4)),
            self.figure(format!("{name}: the network's each"), Unit::Milliseconds, of(|sending| sending.network_ms)),
        ]
    }

    fn figure(&self, name: String, unit: Unit, number: impl Fn(&Run) -> Option<f64>) -> Figure {
        Figure::new(name, unit, values(&self.linked, &number)).beside(LIBRARY_ALONE, values(&self.baseline, &number))
    }
}

fn values(runs: &[Run], number: impl Fn(&Run) -> Option<f64>) -> Vec<f64> {
    runs.iter().filter_map(number).collect()
}
