-- What the pages look for: the requests of a command, and the records of a
-- request or of a type. The expressions are those of the queries, to the letter.
CREATE INDEX requests_by_command ON requests
    (json_extract(invocation, '$.tool.name'), json_extract(invocation, '$.command'), id);
CREATE INDEX requests_by_status ON requests (status, id);
CREATE INDEX log_records_by_request ON log_records
    (json_extract(CAST(record AS TEXT), '$.body.request'), seq);
CREATE INDEX log_records_by_type ON log_records
    (json_extract(CAST(record AS TEXT), '$.type'), seq);

-- How many requests are open, of one requester and in all, is asked at each new one.
CREATE INDEX requests_open_of ON requests (requester, deadline_at)
    WHERE status IN ('pending', 'approved');
CREATE INDEX requests_open_all ON requests (deadline_at)
    WHERE status IN ('pending', 'approved');
