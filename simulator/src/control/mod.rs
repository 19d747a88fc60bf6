//! The control API and its page.
