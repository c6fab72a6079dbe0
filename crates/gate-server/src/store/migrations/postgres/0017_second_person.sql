-- The groups that a change put an account into, as a JSON array; NULL where that was not kept. And
-- who confirmed the change, as a second person: until then it counts for nothing for a while.
ALTER TABLE principal_edits ADD COLUMN gained TEXT COLLATE "C";
ALTER TABLE principal_edits ADD COLUMN confirmed_by TEXT COLLATE "C";
ALTER TABLE principal_edits ADD COLUMN confirmed_at BIGINT;

CREATE INDEX principal_edits_by_time ON principal_edits (at) WHERE confirmed_at IS NULL;

-- Rules that let more pass than those in force, until a second admin confirms them. `base_version`
-- is the version that they take the place of; `loosens` says what they loosen, as a JSON array.
CREATE TABLE pending_rules (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    base_version BIGINT NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    loosens TEXT COLLATE "C" NOT NULL,
    proposed_by TEXT COLLATE "C" NOT NULL,
    proposed_at BIGINT NOT NULL,
    ended_at BIGINT
);

-- What the settings were at the last start, without secrets: what differs is recorded.
CREATE TABLE settings_seen (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    settings TEXT COLLATE "C" NOT NULL
);
