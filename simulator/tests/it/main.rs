//! Stories about the network, told with a real client (whatsapp-rust) and with phones that are made here.

mod client;
mod linking;
mod phone;
mod world;
