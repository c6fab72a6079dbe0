-- The newest signature of each witness, a line of a signed note, under the
-- checkpoint of this size.
CREATE TABLE log_cosignatures (
    witness TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    size BIGINT NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);
