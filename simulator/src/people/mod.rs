//! People and their phones.
