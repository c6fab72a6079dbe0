//! `gate-shim`: see the library. It has no start-up code but the C library's.
#![no_main]

gate_exec::program!(gate_shim::run);
