//! Stories about the network, told with a real client (whatsapp-rust) and with phones that are made here.

mod client;
mod faults;
mod groups;
mod linking;
mod media;
mod messages;
mod phone;
mod world;
