//! Every upper bound, with its unit in the name.
