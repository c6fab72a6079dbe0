-- The one human whose account a user is. Several users can be one person.
ALTER TABLE principals ADD COLUMN person TEXT NOT NULL DEFAULT '';
UPDATE principals SET person = name;

CREATE INDEX principals_by_person ON principals (person);

-- A request with the human behind it as things stand now, not as they stood
-- when it was made: accounts that are found to be one person's count as such at once.
CREATE VIEW requests_asked AS
SELECT requests.*, (
    SELECT person FROM principals
    WHERE principals.name = coalesce(requests.requester_owner, requests.requester)
) AS requester_person FROM requests;
