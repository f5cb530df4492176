//! The simulator against the engine.
