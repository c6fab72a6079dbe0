-- The token that a request came with: who made it has no say in the request.
-- `particulars` is what is out of the ordinary, as on the wire; NULL where nothing is.
ALTER TABLE requests ADD COLUMN token TEXT;
ALTER TABLE requests ADD COLUMN particulars TEXT;
ALTER TABLE requests ADD COLUMN standing_grant TEXT;
ALTER TABLE requests ADD COLUMN break_glass_used_at INTEGER;

CREATE INDEX requests_by_standing_grant ON requests (standing_grant, status)
    WHERE standing_grant IS NOT NULL;
CREATE INDEX requests_by_break_glass ON requests (break_glass_used_at)
    WHERE break_glass_used_at IS NOT NULL;
CREATE INDEX requests_denied ON requests (digest) WHERE status = 'denied';

-- Whose account it was, and why the answer does not count any more.
ALTER TABLE reviews ADD COLUMN person TEXT;
ALTER TABLE reviews ADD COLUMN void TEXT;

-- What is to happen to a pending request by time alone, beside its end.
CREATE TABLE request_timers (
    request TEXT NOT NULL REFERENCES requests (id),
    kind TEXT NOT NULL CHECK (kind IN ('escalate', 'remind')),
    at INTEGER NOT NULL,
    PRIMARY KEY (request, kind, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_timers_by_time ON request_timers (at);

-- Who had a hand in a principal, and in a token of it.
CREATE TABLE principal_edits (
    principal TEXT NOT NULL,
    token TEXT,
    editor TEXT NOT NULL,
    what TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX principal_edits_by_principal ON principal_edits (principal, at);
CREATE INDEX principal_edits_by_token ON principal_edits (token) WHERE token IS NOT NULL;

-- What was done before this table was there is in the log.
INSERT INTO principal_edits (principal, token, editor, what, at)
SELECT body ->> 'principal' ->> 'name', NULL, body ->> 'by', 'created', at FROM (
    SELECT CAST(record AS TEXT) -> 'body' AS body,
        unixepoch(CAST(record AS TEXT) ->> 'ts') * 1000 AS at
    FROM log_records WHERE CAST(record AS TEXT) ->> 'type' = 'principal.created');
INSERT INTO principal_edits (principal, token, editor, what, at)
SELECT body ->> 'principal', body ->> 'token', body ->> 'by', 'token_created', at FROM (
    SELECT CAST(record AS TEXT) -> 'body' AS body,
        unixepoch(CAST(record AS TEXT) ->> 'ts') * 1000 AS at
    FROM log_records WHERE CAST(record AS TEXT) ->> 'type' = 'token.created');

-- Which rules each version changed. A rule of NULL stands for all of them; `tools`
-- is what the rule was about before, NULL for every tool.
CREATE TABLE rule_edits (
    version INTEGER NOT NULL REFERENCES rules (version),
    rule TEXT,
    tools TEXT,
    editor TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX rule_edits_by_time ON rule_edits (at);

-- Which rules the versions until now changed was not kept: all of them, then.
INSERT INTO rule_edits (version, rule, tools, editor, at)
SELECT version, NULL, NULL, activated_by, activated_at FROM rules;

CREATE TABLE standing_grants (
    id TEXT PRIMARY KEY NOT NULL,
    rule TEXT NOT NULL,
    target TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (name),
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL,
    ttl_seconds INTEGER NOT NULL,
    reason TEXT NOT NULL,
    requirements TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    revoked_at INTEGER,
    revoked_by TEXT
) STRICT;

CREATE INDEX standing_grants_in_force ON standing_grants (principal, rule)
    WHERE confirmed_at IS NOT NULL AND revoked_at IS NULL;

CREATE TABLE standing_grant_confirmations (
    standing_grant TEXT NOT NULL REFERENCES standing_grants (id),
    reviewer TEXT NOT NULL REFERENCES principals (name),
    person TEXT NOT NULL,
    groups TEXT NOT NULL,
    at INTEGER NOT NULL,
    channel TEXT NOT NULL,
    PRIMARY KEY (standing_grant, reviewer)
) STRICT;
