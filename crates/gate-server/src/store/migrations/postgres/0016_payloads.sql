-- What stands beside a record and can be erased, with the key of the record's commitment to it.
CREATE TABLE log_payloads (
    seq BIGINT PRIMARY KEY NOT NULL,
    owner TEXT COLLATE "C",
    key BYTEA,
    parts TEXT COLLATE "C",
    erased_at BIGINT,
    erased_by TEXT COLLATE "C",
    erased_in BIGINT,
    CHECK ((key IS NULL) = (erased_at IS NOT NULL))
);

CREATE INDEX log_payloads_by_owner ON log_payloads (owner, seq) WHERE erased_at IS NULL;

-- Below this index the records were archived, and of each only the leaf is here. Nothing else of
-- the log can be changed.
ALTER TABLE log_head ADD COLUMN pruned BIGINT NOT NULL DEFAULT 0;

CREATE FUNCTION refuse_to_change_a_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.seq = OLD.seq AND NEW.leaf = OLD.leaf AND NEW.record = '{}'::bytea
        AND OLD.seq < coalesce((SELECT pruned FROM log_head), 0) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an audit record is never changed or removed';
END $$;

DROP TRIGGER log_records_are_never_changed ON log_records;
CREATE TRIGGER log_records_are_never_removed
    BEFORE DELETE OR TRUNCATE ON log_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_the_log();
CREATE TRIGGER log_records_are_never_changed
    BEFORE UPDATE ON log_records
    FOR EACH ROW EXECUTE FUNCTION refuse_to_change_a_record();
