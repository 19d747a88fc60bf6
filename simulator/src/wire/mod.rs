//! What goes over a connection: frames, the Noise handshake, certificates, stanzas.
