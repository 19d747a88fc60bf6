//! Checkers that hold at any moment.
