-- Times are milliseconds since 1970 in UTC. Names are as on the wire.

CREATE TABLE server (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    audience TEXT NOT NULL,
    log_origin TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE principals (
    name TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'agent', 'workload')),
    owner TEXT REFERENCES principals (name),
    groups TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    CHECK ((kind = 'user') = (owner IS NULL))
) STRICT;

-- A token is stored as its SHA-256 only.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    principal TEXT NOT NULL REFERENCES principals (name),
    role TEXT NOT NULL CHECK (role IN ('requester', 'approver', 'admin', 'auditor')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

-- The cookie of a signed-in browser, as its SHA-256.
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (name),
    role TEXT NOT NULL CHECK (role IN ('requester', 'approver', 'admin', 'auditor')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- A code that signs a browser in once, as its SHA-256.
CREATE TABLE login_codes (
    hash BLOB PRIMARY KEY NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (name),
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

-- `deadline_at` is when time alone changes the status; NULL when it never does.
CREATE TABLE requests (
    id TEXT PRIMARY KEY NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    requester TEXT NOT NULL REFERENCES principals (name),
    requester_kind TEXT NOT NULL,
    requester_owner TEXT,
    digest TEXT NOT NULL,
    invocation TEXT NOT NULL,
    circumstances TEXT NOT NULL,
    terms TEXT NOT NULL,
    reason TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    deadline_at INTEGER,
    claim_nonce TEXT,
    claim_not_after INTEGER,
    claim_answer TEXT,
    outcome TEXT
) STRICT;

CREATE INDEX requests_by_deadline ON requests (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX requests_by_requester ON requests (requester, id);
CREATE INDEX requests_open ON requests (requester, digest) WHERE status IN ('pending', 'approved');

-- `groups` is what the reviewer was in at the time.
CREATE TABLE reviews (
    request TEXT NOT NULL REFERENCES requests (id),
    reviewer TEXT NOT NULL REFERENCES principals (name),
    answer TEXT NOT NULL CHECK (answer IN ('approve', 'deny')),
    comment TEXT,
    at INTEGER NOT NULL,
    channel TEXT NOT NULL,
    groups TEXT NOT NULL,
    PRIMARY KEY (request, reviewer)
) STRICT;

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    request TEXT NOT NULL REFERENCES requests (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE clients (
    client TEXT PRIMARY KEY NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (name),
    epoch TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE client_epochs (
    client TEXT NOT NULL REFERENCES clients (client),
    epoch TEXT NOT NULL,
    through INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (client, epoch)
) STRICT;

CREATE TABLE client_events (
    client TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (client, epoch, seq),
    FOREIGN KEY (client, epoch) REFERENCES client_epochs (client, epoch)
) STRICT, WITHOUT ROWID;

-- `missing` counts down to 0 as late events arrive.
CREATE TABLE client_gaps (
    client TEXT NOT NULL,
    epoch TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    PRIMARY KEY (client, epoch, first)
) STRICT, WITHOUT ROWID;

-- A stretch that was refused because it did not continue the chain: recorded once.
CREATE TABLE client_forks (
    client TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (client, epoch, seq, hash)
) STRICT, WITHOUT ROWID;

-- The audit log. Records are kept byte for byte; nothing updates or deletes them.
CREATE TABLE log_records (
    seq INTEGER PRIMARY KEY NOT NULL,
    record BLOB NOT NULL,
    leaf BLOB NOT NULL
) STRICT;

CREATE TRIGGER log_records_are_never_changed BEFORE UPDATE ON log_records
BEGIN SELECT RAISE(ABORT, 'an audit record is never changed'); END;
CREATE TRIGGER log_records_are_never_removed BEFORE DELETE ON log_records
BEGIN SELECT RAISE(ABORT, 'an audit record is never removed'); END;

-- The one row from which the next record follows.
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    prev TEXT NOT NULL,
    frontier TEXT NOT NULL
) STRICT;

CREATE TABLE log_checkpoints (
    size INTEGER PRIMARY KEY NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE rules (
    version INTEGER PRIMARY KEY NOT NULL,
    text TEXT NOT NULL,
    activated_by TEXT NOT NULL,
    activated_at INTEGER NOT NULL
) STRICT;
