#!/usr/bin/env python3
"""A collector of OTLP logs that reads what it gets by OpenTelemetry's own messages.

    receive_otlp.py FILE ANSWER...

Prints its port. Each request gets the next ANSWER, and the last one goes on: `take` adds the bodies of its
records to FILE, one a line, `lose` does so too and closes without an answer, `part` takes them and says that
one was not taken, and a number is the status of a refusal. What is no request of OTLP ends it.
"""
import http.server
import json
import os
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs

file, answers = sys.argv[1], sys.argv[2:]


def bodies(body):
    request = json_format.Parse(body, logs.ExportLogsServiceRequest())
    for resource in request.resource_logs:
        names = {one.key: one.value.string_value for one in resource.resource.attributes}
        assert names["service.name"] == "gate", names
        for scope in resource.scope_logs:
            for record in scope.log_records:
                assert record.time_unix_nano > 0 and record.event_name, record
                assert 1 <= record.severity_number <= 24, record
                yield record.body.string_value


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        try:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/logs", self.path
            assert self.headers["Content-Type"] == "application/json", self.headers
            assert self.headers["Authorization"] == "Bearer a-token", self.headers
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            read = list(bodies(body))
        except Exception as error:
            print(error, flush=True)
            os._exit(1)
        if answer.isdigit():
            return self.reply(int(answer), {"message": "not now"})
        with open(file, "a", encoding="utf-8") as opened:
            opened.writelines(line + "\n" for line in read)
        if answer == "lose":
            self.close_connection = True
            return self.connection.close()
        partial = {"rejectedLogRecords": "1", "errorMessage": "one is too old"}
        return self.reply(200, {"partialSuccess": partial} if answer == "part" else {})

    def reply(self, status, message):
        text = json.dumps(message).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status in (429, 503):
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(server.server_port, flush=True)
server.serve_forever()
