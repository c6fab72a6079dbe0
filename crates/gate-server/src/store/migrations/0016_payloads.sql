-- What stands beside a record and can be erased, with the key of the record's commitment to it.
CREATE TABLE log_payloads (
    seq INTEGER PRIMARY KEY NOT NULL,
    owner TEXT,
    key BLOB,
    parts TEXT,
    erased_at INTEGER,
    erased_by TEXT,
    erased_in INTEGER,
    CHECK ((key IS NULL) = (erased_at IS NOT NULL))
) STRICT;

CREATE INDEX log_payloads_by_owner ON log_payloads (owner, seq) WHERE erased_at IS NULL;

-- Below this index the records were archived, and of each only the leaf is here. Nothing else of
-- the log can be changed.
ALTER TABLE log_head ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER log_records_are_never_changed;
CREATE TRIGGER log_records_are_never_changed BEFORE UPDATE ON log_records
WHEN NEW.seq <> OLD.seq OR NEW.leaf <> OLD.leaf OR NEW.record <> CAST('{}' AS BLOB)
    OR OLD.seq >= coalesce((SELECT pruned FROM log_head), 0)
BEGIN SELECT RAISE(ABORT, 'an audit record is never changed'); END;
