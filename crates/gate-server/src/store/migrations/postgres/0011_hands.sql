-- Whose account the editor's was at the time, and of a change of the person, who it was before:
-- to move an account to another person takes nothing back.
ALTER TABLE principal_edits ADD COLUMN editor_person TEXT COLLATE "C";
ALTER TABLE principal_edits ADD COLUMN person_before TEXT COLLATE "C";

-- The token with which an answer was given, where one was: it falls with that token, and whoever
-- made the token may have given it.
ALTER TABLE reviews ADD COLUMN token TEXT COLLATE "C";
ALTER TABLE standing_grant_confirmations ADD COLUMN token TEXT COLLATE "C";

CREATE INDEX standing_grant_confirmations_by_token ON standing_grant_confirmations (token)
    WHERE token IS NOT NULL;
