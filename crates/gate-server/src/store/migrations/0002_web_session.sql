-- The token that a session or a code came from: it ends with that token.
-- NULL where the server's own operator made it.
ALTER TABLE sessions ADD COLUMN token TEXT REFERENCES tokens (id);
ALTER TABLE login_codes ADD COLUMN token TEXT REFERENCES tokens (id);

CREATE INDEX sessions_by_end ON sessions (expires_at);
CREATE INDEX login_codes_by_end ON login_codes (expires_at);
