//! Files of cases, and whether they are taken.

/// What stands in a case, and whether it is taken.
pub(super) const OF_CASES: &[(&str, bool)] = &[
    ("line = 'a'\nexpect = { decision = 'allow' }", true),
    ("line = 'a'\nexpect = { decision = 'maybe' }", false),
    ("argv = ['a', '']\nexpect = { rule = 'x' }", true),
    ("argv = []\nexpect = { rule = 'x' }", false),
    ("argv = ['a', 1]\nexpect = { rule = 'x' }", false),
    ("argv = 'a'\nexpect = { rule = 'x' }", false),
    ("line = ' '\nexpect = { rule = 'x' }", false),
    ("line = 'a'\nargv = ['a']\nexpect = { rule = 'x' }", false),
    ("expect = { rule = 'x' }", false),
    ("line = 'a'", false),
    ("line = 'a'\nexpect = {}", false),
    ("line = 'a'\nexpect = { target = {} }", false),
    (
        "line = 'a'\nexpect = { target = { namespace = 'x' } }",
        true,
    ),
    (
        "line = 'a'\nexpect = { target = { namespace = ['x'] } }",
        false,
    ),
    ("line = 'a'\nexpect = { effect = 'reed' }", false),
    (
        "line = 'a'\nexpect = { effect = 'read', tool = 'a', command = 'b c', reason = 'so' }",
        true,
    ),
    ("line = 'a'\nexpect = { colour = 'red' }", false),
    ("line = 'a'\ncwd = 'srv'\nexpect = { rule = 'x' }", false),
    (
        "line = 'a'\ncwd = '/srv'\nenv = { A = 'b' }\nfiles = { x = '' }\nstdin = ''\n\
         expect = { rule = 'x' }",
        true,
    ),
    (
        "line = 'a'\nenv = { A = 1 }\nexpect = { rule = 'x' }",
        false,
    ),
    ("line = 'a'\nfiles = ['x']\nexpect = { rule = 'x' }", false),
    (
        "line = 'a'\ncaller = { kind = 'agent', name = 'x', host = 'y', ci = true, terminal = false }\n\
         expect = { rule = 'x' }",
        true,
    ),
    ("line = 'a'\ncaller = {}\nexpect = { rule = 'x' }", true),
    (
        "line = 'a'\ncaller = { kind = 'robot' }\nexpect = { rule = 'x' }",
        false,
    ),
    (
        "line = 'a'\ntime = '2026-01-05T10:00:00Z'\nexpect = { rule = 'x' }",
        true,
    ),
    (
        "line = 'a'\ntime = '2026-01-05 10:00+02:00'\nexpect = { rule = 'x' }",
        true,
    ),
    (
        "line = 'a'\ntime = '2026-01-05t10:00:00.5-02'\nexpect = { rule = 'x' }",
        true,
    ),
    ("line = 'a'\ntime = 'noon'\nexpect = { rule = 'x' }", false),
    // Which moment that is, an offset says.
    (
        "line = 'a'\ntime = '2026-01-05T10:00'\nexpect = { rule = 'x' }",
        false,
    ),
    (
        "line = 'a'\ntime = '2026-01-05T10:00:00'\nexpect = { rule = 'x' }",
        false,
    ),
    (
        "line = 'a'\ntime = '2026-01-05'\nexpect = { rule = 'x' }",
        false,
    ),
    ("lines = 'a'\nexpect = { rule = 'x' }", false),
];
