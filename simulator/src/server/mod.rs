//! The server: connections, accounts, iqs, routing, groups, media.
