-- The SHA-256 of the public keys of grants and log: a server with others is refused.
ALTER TABLE server ADD COLUMN keys TEXT;
