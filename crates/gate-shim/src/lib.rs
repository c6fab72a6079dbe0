//! The small binary that stands on PATH in front of a tool.
