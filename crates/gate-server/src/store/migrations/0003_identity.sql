-- The one human whose account a user is. Several users can be one person.
ALTER TABLE principals ADD COLUMN person TEXT NOT NULL DEFAULT '';
UPDATE principals SET person = name;

CREATE INDEX principals_by_person ON principals (person);

-- A request with the human behind it as things stand now, not as they stood
-- when it was made: accounts that are found to be one person's count as such at once.
CREATE VIEW requests_asked AS
SELECT requests.*, (
    SELECT person FROM principals
    WHERE principals.name = coalesce(requests.requester_owner, requests.requester)
) AS requester_person FROM requests;

-- Who made it: nobody answers for what they set up themselves.
ALTER TABLE principals ADD COLUMN created_by TEXT;
-- The groups that a provider says a user is in, and until when that is believed:
-- beside `groups`, which an admin keeps.
ALTER TABLE principals ADD COLUMN provider_groups TEXT NOT NULL DEFAULT '[]';
ALTER TABLE principals ADD COLUMN provider_groups_until INTEGER NOT NULL DEFAULT 0;

-- `tools` are those that it may be used to ask for; an empty list is any.
ALTER TABLE tokens ADD COLUMN created_by TEXT;
ALTER TABLE tokens ADD COLUMN note TEXT;
ALTER TABLE tokens ADD COLUMN tools TEXT NOT NULL DEFAULT '[]';
-- The token that signed in the browser that let a terminal in: this one ends with it.
ALTER TABLE tokens ADD COLUMN parent TEXT REFERENCES tokens (id);

CREATE INDEX tokens_by_principal ON tokens (principal);

-- `means` is how it was signed in: token, code, password, or the provider's name.
ALTER TABLE sessions ADD COLUMN means TEXT NOT NULL DEFAULT 'token';
ALTER TABLE sessions ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;

-- A sign-in at a provider that a browser has begun. `state` and `browser` are
-- SHA-256; the browser's secret is in its cookie, so that the answer counts
-- there only, and once.
CREATE TABLE sign_in_attempts (
    state BLOB PRIMARY KEY NOT NULL,
    browser BLOB NOT NULL,
    provider TEXT NOT NULL,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    role TEXT,
    next TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sign_in_attempts_by_end ON sign_in_attempts (expires_at);

-- The password of a user, as a PHC string of Argon2id, and the roles that they
-- can sign in with by it.
CREATE TABLE passwords (
    principal TEXT PRIMARY KEY NOT NULL REFERENCES principals (name),
    hash TEXT NOT NULL,
    roles TEXT NOT NULL,
    set_at INTEGER NOT NULL
) STRICT;

-- A link by which a user sets their password once, as its SHA-256.
CREATE TABLE invitations (
    hash BLOB PRIMARY KEY NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (name),
    roles TEXT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

-- A terminal that waits to be signed in from a browser. Both codes are SHA-256:
-- the terminal keeps one, a person types the other.
CREATE TABLE device_codes (
    device BLOB PRIMARY KEY NOT NULL,
    user_code BLOB NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'used')),
    principal TEXT REFERENCES principals (name),
    token TEXT REFERENCES tokens (id),
    host TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    polled_at INTEGER,
    interval_seconds INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX device_codes_by_end ON device_codes (expires_at);

-- Tokens of CI jobs that were taken: each is taken once, where it has a name.
CREATE TABLE used_workload_tokens (
    hash BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX used_workload_tokens_by_end ON used_workload_tokens (expires_at);
