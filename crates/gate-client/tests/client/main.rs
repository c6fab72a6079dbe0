//! The client against servers and networks at their worst. Every server here is
//! a listener of this process on port 0, and every wait has a deadline.
#![cfg(test)]

mod audit;
mod environment;
mod hostile;
mod pages;
mod proof;
mod retry;
mod sample;
mod stub;
mod tls;
mod wait;
