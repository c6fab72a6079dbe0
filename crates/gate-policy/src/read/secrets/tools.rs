//! Flags of well-known tools whose values are secrets and whose names don't
//! say so. Where gate has a profile of the tool, the profile says it too; this
//! is for the others, and for commands inside a command.
//!
//! Source: the manual page of each tool.

use std::sync::LazyLock;

/// Which part of a value is the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// What stands behind the first of these signs: `user:PASSWORD`. Nothing
    /// when the sign is missing.
    Behind(u8),
    /// All of it, and it stands in the word of the flag: `-pPASSWORD`.
    Attached,
}

/// Flags of some tools.
pub(super) struct Flags {
    tools: &'static [&'static str],
    /// A word that has to stand in front.
    after: &'static str,
    parts: &'static [(&'static str, Part)],
}

const fn flags(
    tools: &'static [&'static str],
    after: &'static str,
    parts: &'static [(&'static str, Part)],
) -> Flags {
    Flags {
        tools,
        after,
        parts,
    }
}

const COLON: Part = Part::Behind(b':');

const FLAGS: &[Flags] = &[
    flags(
        &["curl"],
        "",
        &[
            ("-u", COLON),
            ("--user", COLON),
            ("-U", COLON),
            ("--proxy-user", COLON),
            ("-E", COLON),
            ("--cert", COLON),
            ("-b", Part::Behind(b'=')),
            ("--cookie", Part::Behind(b'=')),
        ],
    ),
    flags(
        &["http", "https", "xh"],
        "",
        &[("-a", COLON), ("--auth", COLON)],
    ),
    flags(
        &["sshpass"],
        "",
        &[("-p", Part::Whole), ("-p", Part::Attached)],
    ),
    flags(&["psql"], "", &[]),
    flags(
        &[
            "mysql",
            "mysqladmin",
            "mysqlcheck",
            "mysqldump",
            "mysqlimport",
            "mysqlshow",
            "mysqlslap",
            "mariadb",
            "mariadb-admin",
            "mariadb-dump",
        ],
        "",
        &[("-p", Part::Attached)],
    ),
    flags(
        &["redis-benchmark", "redis-cli", "valkey-cli"],
        "",
        &[("-a", Part::Whole)],
    ),
    flags(
        &[
            "mongo",
            "mongosh",
            "mongodump",
            "mongorestore",
            "mongoimport",
            "mongoexport",
        ],
        "",
        &[("-p", Part::Whole)],
    ),
    flags(
        &[
            "docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "crane", "az", "oc",
        ],
        "login",
        &[("-p", Part::Whole), ("-p", Part::Attached)],
    ),
    flags(
        &[
            "ldapsearch",
            "ldapmodify",
            "ldapadd",
            "ldapdelete",
            "ldapwhoami",
            "ldappasswd",
        ],
        "",
        &[("-w", Part::Whole), ("-s", Part::Whole)],
    ),
    flags(
        &["smbclient", "rpcclient", "net"],
        "",
        &[("-U", Part::Behind(b'%'))],
    ),
    flags(
        &["openssl"],
        "",
        &[
            ("-passin", COLON),
            ("-passout", COLON),
            ("-pass", COLON),
            ("-password", COLON),
            ("-k", Part::Whole),
            ("-K", Part::Whole),
        ],
    ),
    flags(&["zip", "unzip"], "", &[("-P", Part::Whole)]),
    flags(&["7z", "7za", "7zz"], "", &[("-p", Part::Attached)]),
    flags(&["sqlcmd", "bcp", "ipmitool"], "", &[("-P", Part::Whole)]),
    flags(&["cqlsh"], "", &[("-p", Part::Whole)]),
    flags(&["lftp"], "", &[("-u", Part::Behind(b','))]),
    flags(
        &["gh"],
        "secret",
        &[("-b", Part::Whole), ("--body", Part::Whole)],
    ),
    flags(&["az"], "secret", &[("--value", Part::Whole)]),
    flags(&["etcdctl"], "", &[("--user", COLON)]),
    flags(
        &["security"],
        "add-generic-password",
        &[("-w", Part::Whole)],
    ),
    flags(&["useradd", "usermod"], "", &[("-p", Part::Whole)]),
    flags(&["aws"], "put-parameter", &[("--value", Part::Whole)]),
    flags(&["gsutil"], "signurl", &[("-p", Part::Whole)]),
];

/// Tools that take a secret as an operand behind a word: `vault login TOKEN`.
const OPERANDS: &[(&str, &str)] = &[
    ("vault", "login"),
    ("mysqladmin", "password"),
    ("redis-cli", "auth"),
    ("redis-cli", "requirepass"),
    ("valkey-cli", "auth"),
    ("valkey-cli", "requirepass"),
    ("npm", "_auth"),
    ("pnpm", "_auth"),
    ("yarn", "_auth"),
    ("htpasswd", "-bn"),
    ("nmcli", "password"),
];

/// Commands of redis that take a value behind each name.
const STORING: &[&[u8]] = &[
    b"append", b"getset", b"hmset", b"hset", b"hsetnx", b"mset", b"msetnx", b"set", b"setnx",
];

/// The names of all these tools in their order: every word of a text may be one.
static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let listed = FLAGS.iter().flat_map(|flags| flags.tools.iter().copied());
    let mut names: Vec<&str> = listed
        .chain(OPERANDS.iter().map(|(tool, _)| *tool))
        .collect();
    names.sort_unstable();
    names
});

/// Returns which part of a flag's value is secret whatever the tool.
pub(super) fn of_any_tool(flag: &[u8]) -> Option<Part> {
    match flag {
        b"--auth" | b"--basic-auth" | b"--http-auth" | b"--userpwd" => Some(COLON),
        b"--cookie" => Some(Part::Behind(b'=')),
        _ => None,
    }
}

/// `-sSu` of curl is `-s -S -u`.
fn ends_cluster(flag: &[u8], name: &str) -> bool {
    let letters = flag.strip_prefix(b"-").unwrap_or_default();
    let is_short = name.len() == 2 && letters.len() > 1 && letters.len() <= 6;
    is_short
        && letters.iter().all(u8::is_ascii_alphabetic)
        && letters.last() == name.as_bytes().last()
}

/// Tells whether a tool reads SQL in which a backslash escapes.
pub(super) fn reads_mysql(tool: &[u8]) -> bool {
    matches!(tool, b"mysql" | b"mariadb")
}

/// What is known of a tool by its name.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    name: &'static str,
}

impl Known {
    /// Returns the tool of this name, when its words can hold secrets that
    /// their names don't tell.
    pub(super) fn find(name: &[u8]) -> Option<Self> {
        let found = NAMES.binary_search_by(|known| known.as_bytes().cmp(name));
        let name = found.ok().and_then(|at| NAMES.get(at));
        name.map(|name| Self { name })
    }

    /// Returns which part of a flag's value is secret. `has` tells whether a
    /// word stands in front.
    pub(super) fn part(self, flag: &[u8], has: impl Fn(&[u8]) -> bool) -> Option<Part> {
        FLAGS
            .iter()
            .filter(|flags| flags.tools.contains(&self.name))
            .filter(|flags| flags.after.is_empty() || has(flags.after.as_bytes()))
            .flat_map(|flags| flags.parts)
            .find(|(name, part)| match part {
                Part::Attached => flag.len() > name.len() && flag.starts_with(name.as_bytes()),
                Part::Whole => name.as_bytes() == flag,
                Part::Behind(_) => name.as_bytes() == flag || ends_cluster(flag, name),
            })
            .map(|(_, part)| *part)
            .or_else(|| of_any_tool(flag))
    }

    /// Returns the sign behind which the rest of this word is secret: `-uuser:V`.
    pub(super) fn sign_inside(self, flag: &[u8]) -> Option<Part> {
        FLAGS
            .iter()
            .filter(|flags| flags.tools.contains(&self.name) && flags.after.is_empty())
            .flat_map(|flags| flags.parts)
            .filter(|(name, _)| name.len() == 2 && flag.len() > 2)
            .find(|(name, part)| {
                matches!(part, Part::Behind(_)) && flag.starts_with(name.as_bytes())
            })
            .map(|(_, part)| *part)
    }

    /// Tells whether it reads SQL in which a backslash escapes.
    pub(super) fn is_mysql(self) -> bool {
        reads_mysql(self.name.as_bytes())
    }

    /// Tells whether it is a package manager of node.
    pub(super) fn is_of_node(self) -> bool {
        matches!(self.name, "npm" | "pnpm" | "yarn")
    }

    pub(super) fn is_redis(self) -> bool {
        matches!(self.name, "redis-cli" | "valkey-cli")
    }

    /// Tells whether this word makes it store values behind their names: `set api_key V`.
    pub(super) fn stores_behind_names(self, word: &[u8]) -> bool {
        let mut commands = STORING.iter();
        self.is_redis() && commands.any(|command| word.eq_ignore_ascii_case(command))
    }

    /// Tells whether it reads SQL with standard strings.
    pub(super) fn is_psql(self) -> bool {
        self.name == "psql"
    }

    /// Tells whether a secret follows this operand.
    pub(super) fn takes_a_secret_behind(self, word: &[u8]) -> bool {
        OPERANDS.iter().any(|(tool, operand)| {
            *tool == self.name && operand.as_bytes().eq_ignore_ascii_case(word)
        })
    }
}
