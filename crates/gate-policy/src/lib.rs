//! Reads a command line as its tool would and decides by rule; pure.
