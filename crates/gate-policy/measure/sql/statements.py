#!/usr/bin/env python3
"""Writes the statements of PostgreSQL's regression files, each with what a real server's grammar says.

  statements.py SOURCE [MUTANTS] > statements.jsonl

SOURCE is an unpacked source tree (`apt-get source postgresql-15`). psql itself splits the files: it
runs them against a server of ours that writes down what it is sent. Then each statement, and MUTANTS
for each with a word left out, doubled or exchanged, is sent to a real server inside a transaction that
has failed: such a server parses, and does nothing (SQLSTATE 25P02), or says that it cannot parse.
"""
import contextlib, json, os, pathlib, random, re, shutil, socket, struct, subprocess, sys, tempfile, threading

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def receive(stream):
    kind = stream.read(1)
    if not kind:
        raise EOFError
    return kind, stream.read(struct.unpack("!I", stream.read(4))[0] - 4)


class Recorder:
    """A server that is sent statements and does nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.sent = self.listener.getsockname()[1], []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rwb")
        try:
            self.talk(stream)
        except (EOFError, struct.error, OSError):
            pass

    def talk(self, stream):
        while True:
            size = struct.unpack("!I", stream.read(4))[0]
            code = struct.unpack("!I", stream.read(size - 4)[:4])[0]
            if code in (80877103, 80877104):
                stream.write(b"N")
                stream.flush()
                continue
            break
        stream.write(message(b"R", struct.pack("!I", 0)))
        for name, value in [("server_version", "15.18"), ("client_encoding", "UTF8"),
                            ("standard_conforming_strings", "on")]:
            stream.write(message(b"S", f"{name}\0{value}\0".encode()))
        stream.write(message(b"K", struct.pack("!II", 1, 1)) + message(b"Z", b"I"))
        stream.flush()
        while True:
            kind, body = receive(stream)
            if kind == b"X":
                return
            if kind != b"Q":
                continue
            text = body[:-1]
            self.sent.append(text)
            if re.search(rb"\bcopy\b.*\bfrom\s+stdin\b", text, re.I | re.S):
                stream.write(message(b"G", struct.pack("!BH", 0, 0)))
                stream.flush()
                while receive(stream)[0] not in (b"c", b"f"):
                    pass
            stream.write(message(b"C", b"SELECT 0\0") + message(b"Z", b"I"))
            stream.flush()


class Server:
    """A real server, and one connection to it."""

    def __init__(self, folder):
        self.folder = folder
        shutil.chown(folder, "nobody")
        self.run("initdb", "-D", f"{folder}/d", "-A", "trust", "-U", "postgres", "-N", "--locale=C.UTF-8", "-E", "UTF8")
        self.run("pg_ctl", "-D", f"{folder}/d", "-l", f"{folder}/log", "-w", "-o",
                 f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off", "start")
        self.connect()

    def run(self, program, *words):
        command = [BIN / program, *words]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "nobody", "--", *command]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    def connect(self):
        link = socket.socket(socket.AF_UNIX)
        link.connect(f"{self.folder}/.s.PGSQL.5432")
        self.stream = link.makefile("rwb")
        body = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0client_encoding\0UTF8\0\0"
        self.stream.write(struct.pack("!I", len(body) + 4) + body)
        self.stream.flush()
        self.answer()

    def answer(self):
        """The SQLSTATE of the first error, and the state of the transaction."""
        state = None
        while True:
            kind, body = receive(self.stream)
            if kind == b"E" and state is None:
                state = re.search(rb"(?:^|\0)C([0-9A-Z]{5})\0", body).group(1).decode()
            if kind == b"Z":
                return state, body

    def query(self, text):
        self.stream.write(message(b"Q", text + b"\0"))
        self.stream.flush()
        return self.answer()

    def accepts(self, text):
        """Whether the grammar takes a text. `COMMIT` and its like end the failed transaction."""
        if self.query(b"")[1] != b"E":
            self.query(b"rollback")
            self.query(b"begin")
            self.query(b"this is no statement")
        state, _ = self.query(text)
        return state in (None, "25P02", "3B001")


def mutants(text, count, dice):
    words = re.findall(rb"\s+|\w+|'[^']*'|.", text, re.S)
    places = [place for place, word in enumerate(words) if not word.isspace()]
    for _ in range(count if places else 0):
        changed = list(words)
        place, other = dice.choice(places), dice.choice(places)
        kind = dice.randrange(3)
        if kind == 0:
            changed[place] = b" "
        elif kind == 1:
            changed[place] += b" " + changed[other]
        else:
            changed[place] = changed[other]
        yield b"".join(changed)


def main():
    source, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    recorder = Recorder()
    for file in sorted((source / "src/test/regress/sql").glob("*.sql")):
        environment = {"PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(recorder.port),
                       "PGUSER": "u", "PGDATABASE": "d", "PGCLIENTENCODING": "UTF8", "HOME": "/"}
        # One file waits for an answer that ours does not give; what it sent by then counts.
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run([BIN / "psql", "-X", "-q", "-f", file], env=environment, cwd=file.parent.parent,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10, stdin=subprocess.DEVNULL)
    texts = list(dict.fromkeys(recorder.sent))
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        try:
            for text in texts:
                for place, each in enumerate([text, *mutants(text, count, dice)]):
                    try:
                        line = {"sql": each.decode(), "accepted": server.accepts(each), "mutant": place > 0}
                    except UnicodeDecodeError:
                        continue
                    print(json.dumps(line))
        finally:
            server.run("pg_ctl", "-D", f"{folder}/d", "-m", "immediate", "-w", "stop")


main()
