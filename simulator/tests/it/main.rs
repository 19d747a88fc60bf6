//! Stories about the network, told with a real client (whatsapp-rust) and with phones that are made here.

mod baileys;
mod client;
mod linking;
mod phone;
mod second_client;
mod world;
