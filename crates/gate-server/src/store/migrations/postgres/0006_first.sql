-- The tables of SQLite's migrations 1 to 6, with the same names and columns. Text is ordered
-- and compared byte by byte, as there. Times are milliseconds since 1970 in UTC; names are as on
-- the wire.

-- What SQLite has under these names, as far as it is used. Text here cannot hold NUL.
CREATE FUNCTION json_extract(document TEXT, path TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT CAST(replace(document, '\u0000', '\ufffd') AS json)
        #>> string_to_array(substr(path, 3), '.') $$;
CREATE FUNCTION json_each(document TEXT, path TEXT) RETURNS TABLE (key TEXT, value TEXT)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT each.key, each.value FROM json_each_text(
        CAST(replace(document, '\u0000', '\ufffd') AS json) #> string_to_array(substr(path, 3), '.')) AS each $$;
CREATE FUNCTION instr(whole TEXT, part TEXT) RETURNS BIGINT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT CAST(strpos(whole, part) AS BIGINT) $$;
CREATE FUNCTION record_text(record BYTEA) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT convert_from(record, 'UTF8') COLLATE "C" $$;

CREATE TABLE server (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    audience TEXT COLLATE "C" NOT NULL,
    log_origin TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE principals (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('user', 'agent', 'workload')),
    owner TEXT COLLATE "C" REFERENCES principals (name),
    groups TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    -- The one human whose account a user is. Several users can be one person.
    person TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- Nobody answers for what they set up themselves.
    created_by TEXT COLLATE "C",
    -- What a provider says, and until when that is believed: beside `groups`, which an admin keeps.
    provider_groups TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    provider_groups_until BIGINT NOT NULL DEFAULT 0,
    CHECK ((kind = 'user') = (owner IS NULL))
);

-- A token is stored as its SHA-256 only.
CREATE TABLE tokens (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('requester', 'approver', 'admin', 'auditor')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_by TEXT COLLATE "C",
    note TEXT COLLATE "C",
    -- Those that it may be used to ask for; an empty list is any.
    tools TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    -- The token that signed in the browser that let a terminal in: this one ends with it.
    parent TEXT COLLATE "C" REFERENCES tokens (id)
);

-- The cookie of a signed-in browser, as its SHA-256.
CREATE TABLE sessions (
    hash BYTEA PRIMARY KEY NOT NULL,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('requester', 'approver', 'admin', 'auditor')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The token that it came from: it ends with that token. NULL where the operator made it.
    token TEXT COLLATE "C" REFERENCES tokens (id),
    -- How it was signed in: token, code, password, or the provider's name.
    means TEXT COLLATE "C" NOT NULL DEFAULT 'token',
    seen_at BIGINT NOT NULL DEFAULT 0
);

-- A code that signs a browser in once, as its SHA-256.
CREATE TABLE login_codes (
    hash BYTEA PRIMARY KEY NOT NULL,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    token TEXT COLLATE "C" REFERENCES tokens (id)
);

-- `deadline_at` is when time alone changes the status; NULL when it never does.
CREATE TABLE requests (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    requester TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    requester_kind TEXT COLLATE "C" NOT NULL,
    requester_owner TEXT COLLATE "C",
    digest TEXT COLLATE "C" NOT NULL,
    invocation TEXT COLLATE "C" NOT NULL,
    circumstances TEXT COLLATE "C" NOT NULL,
    terms TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    deadline_at BIGINT,
    claim_nonce TEXT COLLATE "C",
    claim_not_after BIGINT,
    claim_answer TEXT COLLATE "C",
    outcome TEXT COLLATE "C",
    -- The token that it came with: who made it has no say in the request.
    token TEXT COLLATE "C",
    -- What is out of the ordinary, as on the wire; NULL where nothing is.
    particulars TEXT COLLATE "C",
    standing_grant TEXT COLLATE "C",
    break_glass_used_at BIGINT
);

CREATE INDEX requests_by_deadline ON requests (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX requests_by_requester ON requests (requester, id);
CREATE INDEX requests_open ON requests (requester, digest) WHERE status IN ('pending', 'approved');

-- `groups` is what the reviewer was in at the time.
CREATE TABLE reviews (
    request TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    reviewer TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    answer TEXT COLLATE "C" NOT NULL CHECK (answer IN ('approve', 'deny')),
    comment TEXT COLLATE "C",
    at BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    groups TEXT COLLATE "C" NOT NULL,
    -- Whose account it was, and why the answer does not count any more.
    person TEXT COLLATE "C",
    void TEXT COLLATE "C",
    PRIMARY KEY (request, reviewer)
);

CREATE TABLE idempotency_keys (
    principal TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body_hash TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    created_at BIGINT NOT NULL,
    -- Rows are numbered as they come, as SQLite does by itself.
    rowid BIGINT GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (principal, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE clients (
    client TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    epoch TEXT COLLATE "C" NOT NULL,
    first_seen_at BIGINT NOT NULL
);

CREATE TABLE client_epochs (
    client TEXT COLLATE "C" NOT NULL REFERENCES clients (client),
    epoch TEXT COLLATE "C" NOT NULL,
    through BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (client, epoch)
);

CREATE TABLE client_events (
    client TEXT COLLATE "C" NOT NULL,
    epoch TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    prev TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (client, epoch, seq),
    FOREIGN KEY (client, epoch) REFERENCES client_epochs (client, epoch)
);

-- `missing` counts down to 0 as late events arrive.
CREATE TABLE client_gaps (
    client TEXT COLLATE "C" NOT NULL,
    epoch TEXT COLLATE "C" NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    PRIMARY KEY (client, epoch, first)
);

-- A stretch that was refused because it did not continue the chain: recorded once.
CREATE TABLE client_forks (
    client TEXT COLLATE "C" NOT NULL,
    epoch TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (client, epoch, seq, hash)
);

-- The audit log. Records are kept byte for byte; nothing updates or deletes them.
CREATE TABLE log_records (
    seq BIGINT PRIMARY KEY NOT NULL,
    record BYTEA NOT NULL,
    leaf BYTEA NOT NULL
);

CREATE FUNCTION refuse_to_rewrite_the_log() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'an audit record is never changed or removed'; END $$;
CREATE TRIGGER log_records_are_never_changed
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_the_log();

-- The one row from which the next record follows.
CREATE TABLE log_head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    prev TEXT COLLATE "C" NOT NULL,
    frontier TEXT COLLATE "C" NOT NULL
);

-- Every change appends to the log: the other servers on this database look there for what it was.
CREATE FUNCTION tell_that_the_log_grew() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_notify('gate_log', ''); RETURN NULL; END $$;
CREATE TRIGGER log_head_tells AFTER INSERT OR UPDATE ON log_head
    FOR EACH STATEMENT EXECUTE FUNCTION tell_that_the_log_grew();

CREATE TABLE log_checkpoints (
    size BIGINT PRIMARY KEY NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE rules (
    version BIGINT PRIMARY KEY NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    activated_by TEXT COLLATE "C" NOT NULL,
    activated_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (expires_at);
CREATE INDEX login_codes_by_end ON login_codes (expires_at);

CREATE INDEX principals_by_person ON principals (person);

-- A request with the human behind it as things stand now, not as they stood
-- when it was made: accounts that are found to be one person's count as such at once.
CREATE VIEW requests_asked AS
SELECT requests.*, (
    SELECT person FROM principals
    WHERE principals.name = coalesce(requests.requester_owner, requests.requester)
) AS requester_person FROM requests;

CREATE INDEX tokens_by_principal ON tokens (principal);

-- A sign-in at a provider that a browser has begun. `state` and `browser` are
-- SHA-256; the browser's secret is in its cookie, so that the answer counts
-- there only, and once.
CREATE TABLE sign_in_attempts (
    state BYTEA PRIMARY KEY NOT NULL,
    browser BYTEA NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    nonce TEXT COLLATE "C" NOT NULL,
    verifier TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C",
    next TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sign_in_attempts_by_end ON sign_in_attempts (expires_at);

-- The password of a user, as a PHC string of Argon2id, and the roles that they
-- can sign in with by it.
CREATE TABLE passwords (
    principal TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES principals (name),
    hash TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    set_at BIGINT NOT NULL
);

-- A link by which a user sets their password once, as its SHA-256.
CREATE TABLE invitations (
    hash BYTEA PRIMARY KEY NOT NULL,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    roles TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

-- A terminal that waits to be signed in from a browser. Both codes are SHA-256:
-- the terminal keeps one, a person types the other.
CREATE TABLE device_codes (
    device BYTEA PRIMARY KEY NOT NULL,
    user_code BYTEA NOT NULL UNIQUE,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'used')),
    principal TEXT COLLATE "C" REFERENCES principals (name),
    token TEXT COLLATE "C" REFERENCES tokens (id),
    host TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    asked_at BIGINT NOT NULL,
    polled_at BIGINT,
    interval_seconds BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX device_codes_by_end ON device_codes (expires_at);

-- Tokens of CI jobs that were taken: each is taken once, where it has a name.
CREATE TABLE used_workload_tokens (
    hash BYTEA PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX used_workload_tokens_by_end ON used_workload_tokens (expires_at);

CREATE INDEX requests_by_standing_grant ON requests (standing_grant, status)
    WHERE standing_grant IS NOT NULL;
CREATE INDEX requests_by_break_glass ON requests (break_glass_used_at)
    WHERE break_glass_used_at IS NOT NULL;
CREATE INDEX requests_denied ON requests (digest) WHERE status = 'denied';

-- What is to happen to a pending request by time alone, beside its end.
CREATE TABLE request_timers (
    request TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('escalate', 'remind')),
    at BIGINT NOT NULL,
    PRIMARY KEY (request, kind, at)
);

CREATE INDEX request_timers_by_time ON request_timers (at);

-- Who had a hand in a principal, and in a token of it.
CREATE TABLE principal_edits (
    principal TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C",
    editor TEXT COLLATE "C" NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX principal_edits_by_principal ON principal_edits (principal, at);
CREATE INDEX principal_edits_by_token ON principal_edits (token) WHERE token IS NOT NULL;

-- Which rules each version changed. A rule of NULL stands for all of them; `tools`
-- is what the rule was about before, NULL for every tool.
CREATE TABLE rule_edits (
    version BIGINT NOT NULL REFERENCES rules (version),
    rule TEXT COLLATE "C",
    tools TEXT COLLATE "C",
    editor TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX rule_edits_by_time ON rule_edits (at);

CREATE TABLE standing_grants (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    uses BIGINT NOT NULL,
    used BIGINT NOT NULL,
    ttl_seconds BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    requirements TEXT COLLATE "C" NOT NULL,
    proposed_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT COLLATE "C"
);

CREATE INDEX standing_grants_in_force ON standing_grants (principal, rule)
    WHERE confirmed_at IS NOT NULL AND revoked_at IS NULL;

CREATE TABLE standing_grant_confirmations (
    standing_grant TEXT COLLATE "C" NOT NULL REFERENCES standing_grants (id),
    reviewer TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    person TEXT COLLATE "C" NOT NULL,
    groups TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (standing_grant, reviewer)
);

-- What the pages look for: the requests of a command, and the records of a
-- request or of a type. The expressions are those of the queries, to the letter.
CREATE INDEX requests_by_command ON requests
    (json_extract(invocation, '$.tool.name'), json_extract(invocation, '$.command'), id);
CREATE INDEX requests_by_status ON requests (status, id);
CREATE INDEX log_records_by_request ON log_records
    (json_extract(record_text(record), '$.body.request'), seq);
CREATE INDEX log_records_by_type ON log_records
    (json_extract(record_text(record), '$.type'), seq);

-- How many requests are open, of one requester and in all, is asked at each new one.
CREATE INDEX requests_open_of ON requests (requester, deadline_at)
    WHERE status IN ('pending', 'approved');
CREATE INDEX requests_open_all ON requests (deadline_at)
    WHERE status IN ('pending', 'approved');

-- Accounts elsewhere that are one of our users: in a chat, or at a provider of
-- identities. One account is one user, and a user may have several.
CREATE TABLE accounts (
    provider TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    linked_at BIGINT NOT NULL,
    linked_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (provider, tenant, subject)
);

CREATE INDEX accounts_by_principal ON accounts (principal);

-- A code that links an account once, as its SHA-256: shown in a signed-in
-- browser, typed in the chat.
CREATE TABLE link_codes (
    hash BYTEA PRIMARY KEY NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name),
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE INDEX link_codes_by_end ON link_codes (expires_at);

-- Channels that were made by the API. `sealed` is their secrets, encrypted.
CREATE TABLE channels (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    spec TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL
);

-- A request changed and the channels have not been told: written with the change.
CREATE TABLE outbox (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    version BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    occasion TEXT COLLATE "C",
    at BIGINT NOT NULL
);

-- What goes to one channel. `slot` is what a later delivery takes the place of:
-- a chat has one for each request, a webhook one for each change.
CREATE TABLE deliveries (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    slot TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C",
    version BIGINT NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'sending', 'delivered', 'dead')),
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    answer TEXT COLLATE "C",
    UNIQUE (channel, slot)
);

CREATE INDEX deliveries_due ON deliveries (channel, next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_by_age ON deliveries (created_at);

-- Where the message of a request stands in a chat. `version` is what it shows,
-- `told` the status that its thread was told last.
CREATE TABLE channel_messages (
    channel TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    conversation TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    told TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (channel, request)
);

CREATE INDEX channel_messages_by_place ON channel_messages (conversation, message);

-- Callbacks that were taken, as their SHA-256: each is taken once.
CREATE TABLE used_callbacks (
    hash BYTEA PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);
