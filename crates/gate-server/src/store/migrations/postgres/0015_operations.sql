-- How often the server was begun anew from a copy of its data: what was allowed before and not
-- claimed is void since.
ALTER TABLE server ADD COLUMN epoch BIGINT NOT NULL DEFAULT 1;

-- The public keys that came after those which the server was made with. `statement` is a signed
-- note by the key before, so that who knows that one learns of this one.
CREATE TABLE server_keys (
    vkey TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('grant', 'log')),
    added_at BIGINT NOT NULL,
    statement TEXT COLLATE "C" NOT NULL
);

-- The W3C trace context that a request came with: what happens to it later belongs to that trace.
CREATE TABLE request_traces (
    request TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES requests (id),
    traceparent TEXT COLLATE "C" NOT NULL
);
