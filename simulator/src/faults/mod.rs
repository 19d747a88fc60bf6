//! Faults on demand, by a scenario or one by one, reproducible by seed.
