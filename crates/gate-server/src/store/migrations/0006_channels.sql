-- Accounts elsewhere that are one of our users: in a chat, or at a provider of
-- identities. One account is one user, and a user may have several.
CREATE TABLE accounts (
    provider TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (name),
    linked_at INTEGER NOT NULL,
    linked_by TEXT NOT NULL,
    PRIMARY KEY (provider, tenant, subject)
) STRICT;

CREATE INDEX accounts_by_principal ON accounts (principal);

-- A code that links an account once, as its SHA-256: shown in a signed-in
-- browser, typed in the chat.
CREATE TABLE link_codes (
    hash BLOB PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (name),
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE INDEX link_codes_by_end ON link_codes (expires_at);

-- Channels that were made by the API. `sealed` is their secrets, encrypted.
CREATE TABLE channels (
    name TEXT PRIMARY KEY NOT NULL,
    spec TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

-- A request changed and the channels have not been told: written with the change.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL REFERENCES requests (id),
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    occasion TEXT,
    at INTEGER NOT NULL
) STRICT;

-- What goes to one channel. `slot` is what a later delivery takes the place of:
-- a chat has one for each request, a webhook one for each change.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    channel TEXT NOT NULL,
    slot TEXT NOT NULL,
    request TEXT,
    version INTEGER NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'delivered', 'dead')),
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    answer TEXT,
    UNIQUE (channel, slot)
) STRICT;

CREATE INDEX deliveries_due ON deliveries (channel, next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_by_age ON deliveries (created_at);

-- Where the message of a request stands in a chat. `version` is what it shows,
-- `told` the status that its thread was told last.
CREATE TABLE channel_messages (
    channel TEXT NOT NULL,
    request TEXT NOT NULL REFERENCES requests (id),
    conversation TEXT NOT NULL,
    message TEXT NOT NULL,
    version INTEGER NOT NULL,
    told TEXT NOT NULL,
    PRIMARY KEY (channel, request)
) STRICT;

CREATE INDEX channel_messages_by_place ON channel_messages (conversation, message);

-- Callbacks that were taken, as their SHA-256: each is taken once.
CREATE TABLE used_callbacks (
    hash BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
