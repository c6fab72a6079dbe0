-- The newest signature of each witness, a line of a signed note, under the
-- checkpoint of this size.
CREATE TABLE log_cosignatures (
    witness TEXT PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    line TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
