-- The groups that a change put an account into, as a JSON array; NULL where that was not kept. And
-- who confirmed the change, as a second person: until then it counts for nothing for a while.
ALTER TABLE principal_edits ADD COLUMN gained TEXT;
ALTER TABLE principal_edits ADD COLUMN confirmed_by TEXT;
ALTER TABLE principal_edits ADD COLUMN confirmed_at INTEGER;

CREATE INDEX principal_edits_by_time ON principal_edits (at) WHERE confirmed_at IS NULL;

-- Rules that let more pass than those in force, until a second admin confirms them. `base_version`
-- is the version that they take the place of; `loosens` says what they loosen, as a JSON array.
CREATE TABLE pending_rules (
    id TEXT PRIMARY KEY NOT NULL,
    base_version INTEGER NOT NULL,
    text TEXT NOT NULL,
    loosens TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

-- What the settings were at the last start, without secrets: what differs is recorded.
CREATE TABLE settings_seen (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    settings TEXT NOT NULL
) STRICT;
