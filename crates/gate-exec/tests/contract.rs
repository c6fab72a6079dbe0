//! Every case runs bare and through gate, and the two must look the same to the tool and to
//! whoever started it. The cases are in `contract/`, which other wrappers' tests include too.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::multiple_unsafe_ops_per_block,
    reason = "tests set up signals, descriptors and terminals as a caller would, and fail by panic"
)]

#[expect(
    dead_code,
    reason = "tools are called by their names in the tests of shims"
)]
#[path = "contract/mod.rs"]
mod contract;
#[path = "contract/newborn.rs"]
mod newborn;

use contract::wrapper::{Wrapper, example};

fn wrap(name: &'static str, arguments: &[&str]) -> Wrapper {
    let program = example("wrap").into_os_string();
    let arguments = arguments.iter().map(Into::into);
    Wrapper::new(name, [program].into_iter().chain(arguments).collect())
}

mod bare {
    crate::contract_cases!(super::contract::wrapper::Wrapper::bare());
}

mod replaced {
    crate::contract_cases!(super::wrap("replace", &["replace"]));
}

mod replaced_by_descriptor {
    crate::contract_cases!(super::wrap("replace", &["replace", "--by-descriptor"]).by_descriptor());
}

mod supervised {
    crate::contract_cases!(super::wrap("supervise", &["supervise"]));
    crate::supervised_cases!(super::wrap("supervise", &["supervise"]));
}

#[test]
fn a_signal_before_the_tool_is_there_reaches_it() {
    newborn::a_signal_before_the_tool_is_there_reaches_it(&wrap("supervise", &["supervise"]));
}

#[test]
fn a_stop_before_the_tool_is_there_stops_both() {
    newborn::a_stop_before_the_tool_is_there_stops_both(&wrap("supervise", &["supervise"]));
}

mod supervised_by_descriptor {
    crate::contract_cases!(
        super::wrap("supervise", &["supervise", "--by-descriptor"]).by_descriptor()
    );
}
