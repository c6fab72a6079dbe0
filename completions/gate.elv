
use builtin;
use str;

set edit:completion:arg-completer[gate] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'gate'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'gate'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand run 'Run a command: at once if it is safe, after a person''s approval if not'
            cand check 'Say what would be decided about a command, without running it'
            cand explain 'Explain how a command is read and what decides about it'
            cand login 'Log in to an approval server'
            cand logout 'Forget the token for an approval server, and the server itself'
            cand whoami 'Show who the server takes you for'
            cand requests 'See and take back approval requests'
            cand approve 'Approve a request, after showing it in full'
            cand deny 'Deny a request, after showing it in full'
            cand rules 'See, check and share the rules'
            cand audit 'See, verify and export the audit log'
            cand shim 'Put gate in front of tools on PATH'
            cand shell-init 'Print what puts the shims first on PATH, for a shell to read at its start'
            cand doctor 'Show where the shims are met and where not, and whether gate is in order'
            cand server 'Run the approval server'
            cand demo 'Try gate here and now: a server, the wrapped tools, and a shell'
            cand hook 'Answer a coding agent''s hook: may this shell command be run?'
            cand mcp 'Serve the Model Context Protocol on stdin and stdout'
            cand completions 'Print the completion script of a shell'
            cand man 'Print gate''s manual page, or write a page for each command into a folder'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;run'= {
            cand --reason 'Why it is to be run, for the people who are asked; `GATE_REASON` says it as well'
            cand --timeout 'How long to wait for an answer, as 90s, 30m or 1h; the request itself goes on'
            cand --no-wait 'Ask and return at once; run the same command again for the answer. `GATE_NO_WAIT=1` says it as well, also to shims'
            cand --json 'Tell of the wait as JSON lines on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;check'= {
            cand --rules 'Decide by these rules and the built-in baseline alone, with the profiles in force'
            cand --json 'Print one JSON object'
            cand --jsonl 'Read JSON lines from stdin and answer each with one: an object with `argv`, and where wanted `id`, `stdin`, `cwd`, `env` and `files`. A line that is none is answered with `{"id":…,"error":…}`; it ends with 0 then too, and whatever is decided'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;explain'= {
            cand --json 'Print one JSON object instead of a tree'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;login'= {
            cand --server 'The server, as `https://gate.example.com`; the configured one by default'
            cand --server-key 'The key that the server signs with, as its owner gave it to you'
            cand --token-stdin 'Read the token from stdin'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;logout'= {
            cand --server 'The server; the configured one by default'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;whoami'= {
            cand --json 'Print one JSON object'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;requests'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand list 'List requests, newest first'
            cand show 'Show one request in full'
            cand watch 'Follow one request until it ends, or all of them'
            cand cancel 'Take a request back, so that it will not run'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;requests;list'= {
            cand --status 'Only those that stand here'
            cand --limit 'At most so many'
            cand --mine 'Only those that you, or agents and workloads of yours, have asked for'
            cand --json 'Print one JSON object instead of a table'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;requests;show'= {
            cand --json 'Print the request as one JSON object'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;requests;watch'= {
            cand --json 'Print each change as one JSON object a line'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;requests;cancel'= {
            cand --json 'Print the request as one JSON object'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;requests;help'= {
            cand list 'List requests, newest first'
            cand show 'Show one request in full'
            cand watch 'Follow one request until it ends, or all of them'
            cand cancel 'Take a request back, so that it will not run'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;requests;help;list'= {
        }
        &'gate;requests;help;show'= {
        }
        &'gate;requests;help;watch'= {
        }
        &'gate;requests;help;cancel'= {
        }
        &'gate;requests;help;help'= {
        }
        &'gate;approve'= {
            cand --comment 'A word to the requester, at most 500 characters'
            cand --digest 'The first 8 digits or more of the digest that you have read'
            cand --yes 'Do not ask. Needs --digest'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;deny'= {
            cand --comment 'A word to the requester, at most 500 characters'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand check 'Name every mistake in rule files and tool profiles'
            cand compile 'Compile the rules in force, so that shims decide by them at once'
            cand test 'Hold a table of commands against rules'
            cand schema 'Print the JSON Schema of rule files, or of another file that gate reads'
            cand show 'Show the rules in force here, with the layer and the place of each'
            cand suggest 'Propose rules from what people have answered'
            cand pull 'Fetch the server''s rules, verify them and put them in force here'
            cand push 'Put new rules in force at the server, for every client'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;rules;check'= {
            cand --layer 'Whose rules they are to be. By default `machine`, and `project` for a file of the name `.gate.toml`'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;compile'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;test'= {
            cand --rules 'Hold them against these rules and the built-in baseline alone, and not against the rules in force here. They are the machine owner''s, and a project''s in a file of the name `.gate.toml`. May be given more than once'
            cand --filter 'Only cases whose name holds this text'
            cand --json 'Print one JSON object instead of lines'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;schema'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;show'= {
            cand --json 'Print one JSON object instead of a table'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;suggest'= {
            cand --min 'How often people must have answered'
            cand --server 'Ask the server for its whole log, which takes an auditor''s token'
            cand --json 'Print one JSON object instead of a rule file'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;pull'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;push'= {
            cand --expected-version 'Only if this version is in force; 0 for none. Keeps two admins from undoing each other''s changes. By default the one that is in force now'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;rules;help'= {
            cand check 'Name every mistake in rule files and tool profiles'
            cand compile 'Compile the rules in force, so that shims decide by them at once'
            cand test 'Hold a table of commands against rules'
            cand schema 'Print the JSON Schema of rule files, or of another file that gate reads'
            cand show 'Show the rules in force here, with the layer and the place of each'
            cand suggest 'Propose rules from what people have answered'
            cand pull 'Fetch the server''s rules, verify them and put them in force here'
            cand push 'Put new rules in force at the server, for every client'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;rules;help;check'= {
        }
        &'gate;rules;help;compile'= {
        }
        &'gate;rules;help;test'= {
        }
        &'gate;rules;help;schema'= {
        }
        &'gate;rules;help;show'= {
        }
        &'gate;rules;help;suggest'= {
        }
        &'gate;rules;help;pull'= {
        }
        &'gate;rules;help;push'= {
        }
        &'gate;rules;help;help'= {
        }
        &'gate;audit'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand log 'Show the newest records of the server''s log'
            cand verify 'Verify the chain, the tree and the signature of a log'
            cand export 'Write the log and its signed checkpoint into a folder'
            cand flush 'Deliver what this machine has not reported yet'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;audit;log'= {
            cand --from 'Begin at this record, the first being 0'
            cand --limit 'At most so many of those that are there already'
            cand --type 'Only records of this type, as `run.finished`, or of all that begin so, as `run`'
            cand --request 'Only records about this request; its first or last 6 digits or more will do'
            cand --follow 'Go on with new records until you press Ctrl-C'
            cand --json 'Print each record as one JSON object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;audit;verify'= {
            cand --checkpoint 'The signed checkpoint of the export; by default the one beside the records'
            cand --key 'The log''s key as `name+hash+base64`; by default the one pinned here'
            cand --live 'Verify the server''s log'
            cand --spool 'Verify what this machine has not delivered yet'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;audit;export'= {
            cand --out 'The folder to make. There must be none of this name'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;audit;flush'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;audit;help'= {
            cand log 'Show the newest records of the server''s log'
            cand verify 'Verify the chain, the tree and the signature of a log'
            cand export 'Write the log and its signed checkpoint into a folder'
            cand flush 'Deliver what this machine has not reported yet'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;audit;help;log'= {
        }
        &'gate;audit;help;verify'= {
        }
        &'gate;audit;help;export'= {
        }
        &'gate;audit;help;flush'= {
        }
        &'gate;audit;help;help'= {
        }
        &'gate;shim'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand install 'Put a shim in front of each tool'
            cand list 'Show the shims, what each leads to, and whether it is met'
            cand remove 'Take shims away'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;shim;install'= {
            cand --dir 'The folder of the shims, instead of the one among your data'
            cand --all 'Every tool on PATH that gate has a profile of, but for shells and ordinary commands as `ls`'
            cand --system 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;shim;list'= {
            cand --dir 'The folder of the shims, instead of the one among your data'
            cand --json 'Print one JSON object instead of a table'
            cand --system 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;shim;remove'= {
            cand --dir 'The folder of the shims, instead of the one among your data'
            cand --all 'Every shim of the folder'
            cand --system 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;shim;help'= {
            cand install 'Put a shim in front of each tool'
            cand list 'Show the shims, what each leads to, and whether it is met'
            cand remove 'Take shims away'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;shim;help;install'= {
        }
        &'gate;shim;help;list'= {
        }
        &'gate;shim;help;remove'= {
        }
        &'gate;shim;help;help'= {
        }
        &'gate;shell-init'= {
            cand --dir 'The folder of the shims, instead of the one among your data'
            cand --system 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;doctor'= {
            cand --way 'A way of starting a command that must hold; only those that are named are looked at'
            cand --json 'Print one JSON object'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server'= {
            cand --config 'A file of settings, in TOML. Flags win over it'
            cand --data 'The folder with keys and database'
            cand --listen 'Where to listen; port 0 takes any free one. Only loopback without TLS'
            cand --url 'Where people reach the server, if not at the address it listens on'
            cand --tls-cert 'The certificate with its chain, in PEM'
            cand --tls-key 'The certificate''s private key, in PEM'
            cand --dev 'Make a server to try things on, and print its tokens. Never in production'
            cand --json 'Print one JSON object when it is ready'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand init 'Make the keys, the database and the first admin'
            cand openapi 'Print the description of the HTTP API'
            cand principal 'Say who may act on the server that you are logged in to'
            cand token 'Make, list and revoke tokens on the server that you are logged in to'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;server;init'= {
            cand --data 'The folder for keys and database; only you will be able to read it'
            cand --json 'Print one JSON object'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;openapi'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;server;principal'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Make a person, an agent or a workload known'
            cand list 'List the principals, by name'
            cand disable 'Stop a principal, and what it owns, from acting'
            cand enable 'Let a disabled principal act again'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;server;principal;create'= {
            cand --kind 'What it is'
            cand --owner 'The user who owns it; agents and workloads need one'
            cand --group 'A group that it is in; may be given again'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;principal;list'= {
            cand --json 'Print one JSON array'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;principal;disable'= {
            cand --json 'Print one JSON object'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;principal;enable'= {
            cand --json 'Print one JSON object'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;principal;help'= {
            cand create 'Make a person, an agent or a workload known'
            cand list 'List the principals, by name'
            cand disable 'Stop a principal, and what it owns, from acting'
            cand enable 'Let a disabled principal act again'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;server;principal;help;create'= {
        }
        &'gate;server;principal;help;list'= {
        }
        &'gate;server;principal;help;disable'= {
        }
        &'gate;server;principal;help;enable'= {
        }
        &'gate;server;principal;help;help'= {
        }
        &'gate;server;token'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Make a token and print it, once'
            cand list 'List tokens, the oldest first, by id: whose, for what, until when'
            cand revoke 'Take a token back'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;server;token;create'= {
            cand --principal 'Whose token it will be'
            cand --role 'What it may be used for; approver, admin and auditor are for users only'
            cand --ttl 'How long it lives, as 30m or 90d: from 1m to 365d'
            cand --json 'Print one JSON object'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;token;list'= {
            cand --principal 'Only those of this principal'
            cand --all 'Those too that have ended or were revoked'
            cand --json 'Print one JSON array'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;token;revoke'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;server;token;help'= {
            cand create 'Make a token and print it, once'
            cand list 'List tokens, the oldest first, by id: whose, for what, until when'
            cand revoke 'Take a token back'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;server;token;help;create'= {
        }
        &'gate;server;token;help;list'= {
        }
        &'gate;server;token;help;revoke'= {
        }
        &'gate;server;token;help;help'= {
        }
        &'gate;server;help'= {
            cand init 'Make the keys, the database and the first admin'
            cand openapi 'Print the description of the HTTP API'
            cand principal 'Say who may act on the server that you are logged in to'
            cand token 'Make, list and revoke tokens on the server that you are logged in to'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;server;help;init'= {
        }
        &'gate;server;help;openapi'= {
        }
        &'gate;server;help;principal'= {
            cand create 'Make a person, an agent or a workload known'
            cand list 'List the principals, by name'
            cand disable 'Stop a principal, and what it owns, from acting'
            cand enable 'Let a disabled principal act again'
        }
        &'gate;server;help;principal;create'= {
        }
        &'gate;server;help;principal;list'= {
        }
        &'gate;server;help;principal;disable'= {
        }
        &'gate;server;help;principal;enable'= {
        }
        &'gate;server;help;token'= {
            cand create 'Make a token and print it, once'
            cand list 'List tokens, the oldest first, by id: whose, for what, until when'
            cand revoke 'Take a token back'
        }
        &'gate;server;help;token;create'= {
        }
        &'gate;server;help;token;list'= {
        }
        &'gate;server;help;token;revoke'= {
        }
        &'gate;server;help;help'= {
        }
        &'gate;demo'= {
            cand --scripted 'Play the scenario even on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;hook'= {
            cand --strict 'Speak for every command that gate would ask about, not only for tools that reach beyond the work folder and for what rules name'
            cand --shims 'Leave a command to gate''s shim where that is what PATH leads to first. Say so only where the agent''s shell has the PATH that the agent has: a login shell makes its own'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand install 'Set the hook of an agent, so that it asks gate before each shell command'
            cand remove 'Take the hook of an agent out again'
            cand list 'Show which agents ask gate, and by which file'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;hook;install'= {
            cand --project 'In the settings of the project around the working folder, for all who work in it'
            cand --dry-run 'Show what would change, and change nothing'
            cand --strict 'Speak for every command that gate would ask about, not only for tools that reach beyond the work folder and for what rules name'
            cand --shims 'Leave a command to gate''s shim where that is what PATH leads to first. Say so only where the agent''s shell has the PATH that the agent has: a login shell makes its own'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;hook;remove'= {
            cand --project 'From the settings of the project around the working folder'
            cand --dry-run 'Show what would change, and change nothing'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;hook;list'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;hook;help'= {
            cand install 'Set the hook of an agent, so that it asks gate before each shell command'
            cand remove 'Take the hook of an agent out again'
            cand list 'Show which agents ask gate, and by which file'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;hook;help;install'= {
        }
        &'gate;hook;help;remove'= {
        }
        &'gate;hook;help;list'= {
        }
        &'gate;hook;help;help'= {
        }
        &'gate;mcp'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'gate;completions'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;man'= {
            cand --dir 'The folder to write `gate.1`, `gate-run.1` and so on into'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'gate;help'= {
            cand run 'Run a command: at once if it is safe, after a person''s approval if not'
            cand check 'Say what would be decided about a command, without running it'
            cand explain 'Explain how a command is read and what decides about it'
            cand login 'Log in to an approval server'
            cand logout 'Forget the token for an approval server, and the server itself'
            cand whoami 'Show who the server takes you for'
            cand requests 'See and take back approval requests'
            cand approve 'Approve a request, after showing it in full'
            cand deny 'Deny a request, after showing it in full'
            cand rules 'See, check and share the rules'
            cand audit 'See, verify and export the audit log'
            cand shim 'Put gate in front of tools on PATH'
            cand shell-init 'Print what puts the shims first on PATH, for a shell to read at its start'
            cand doctor 'Show where the shims are met and where not, and whether gate is in order'
            cand server 'Run the approval server'
            cand demo 'Try gate here and now: a server, the wrapped tools, and a shell'
            cand hook 'Answer a coding agent''s hook: may this shell command be run?'
            cand mcp 'Serve the Model Context Protocol on stdin and stdout'
            cand completions 'Print the completion script of a shell'
            cand man 'Print gate''s manual page, or write a page for each command into a folder'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'gate;help;run'= {
        }
        &'gate;help;check'= {
        }
        &'gate;help;explain'= {
        }
        &'gate;help;login'= {
        }
        &'gate;help;logout'= {
        }
        &'gate;help;whoami'= {
        }
        &'gate;help;requests'= {
            cand list 'List requests, newest first'
            cand show 'Show one request in full'
            cand watch 'Follow one request until it ends, or all of them'
            cand cancel 'Take a request back, so that it will not run'
        }
        &'gate;help;requests;list'= {
        }
        &'gate;help;requests;show'= {
        }
        &'gate;help;requests;watch'= {
        }
        &'gate;help;requests;cancel'= {
        }
        &'gate;help;approve'= {
        }
        &'gate;help;deny'= {
        }
        &'gate;help;rules'= {
            cand check 'Name every mistake in rule files and tool profiles'
            cand compile 'Compile the rules in force, so that shims decide by them at once'
            cand test 'Hold a table of commands against rules'
            cand schema 'Print the JSON Schema of rule files, or of another file that gate reads'
            cand show 'Show the rules in force here, with the layer and the place of each'
            cand suggest 'Propose rules from what people have answered'
            cand pull 'Fetch the server''s rules, verify them and put them in force here'
            cand push 'Put new rules in force at the server, for every client'
        }
        &'gate;help;rules;check'= {
        }
        &'gate;help;rules;compile'= {
        }
        &'gate;help;rules;test'= {
        }
        &'gate;help;rules;schema'= {
        }
        &'gate;help;rules;show'= {
        }
        &'gate;help;rules;suggest'= {
        }
        &'gate;help;rules;pull'= {
        }
        &'gate;help;rules;push'= {
        }
        &'gate;help;audit'= {
            cand log 'Show the newest records of the server''s log'
            cand verify 'Verify the chain, the tree and the signature of a log'
            cand export 'Write the log and its signed checkpoint into a folder'
            cand flush 'Deliver what this machine has not reported yet'
        }
        &'gate;help;audit;log'= {
        }
        &'gate;help;audit;verify'= {
        }
        &'gate;help;audit;export'= {
        }
        &'gate;help;audit;flush'= {
        }
        &'gate;help;shim'= {
            cand install 'Put a shim in front of each tool'
            cand list 'Show the shims, what each leads to, and whether it is met'
            cand remove 'Take shims away'
        }
        &'gate;help;shim;install'= {
        }
        &'gate;help;shim;list'= {
        }
        &'gate;help;shim;remove'= {
        }
        &'gate;help;shell-init'= {
        }
        &'gate;help;doctor'= {
        }
        &'gate;help;server'= {
            cand init 'Make the keys, the database and the first admin'
            cand openapi 'Print the description of the HTTP API'
            cand principal 'Say who may act on the server that you are logged in to'
            cand token 'Make, list and revoke tokens on the server that you are logged in to'
        }
        &'gate;help;server;init'= {
        }
        &'gate;help;server;openapi'= {
        }
        &'gate;help;server;principal'= {
            cand create 'Make a person, an agent or a workload known'
            cand list 'List the principals, by name'
            cand disable 'Stop a principal, and what it owns, from acting'
            cand enable 'Let a disabled principal act again'
        }
        &'gate;help;server;principal;create'= {
        }
        &'gate;help;server;principal;list'= {
        }
        &'gate;help;server;principal;disable'= {
        }
        &'gate;help;server;principal;enable'= {
        }
        &'gate;help;server;token'= {
            cand create 'Make a token and print it, once'
            cand list 'List tokens, the oldest first, by id: whose, for what, until when'
            cand revoke 'Take a token back'
        }
        &'gate;help;server;token;create'= {
        }
        &'gate;help;server;token;list'= {
        }
        &'gate;help;server;token;revoke'= {
        }
        &'gate;help;demo'= {
        }
        &'gate;help;hook'= {
            cand install 'Set the hook of an agent, so that it asks gate before each shell command'
            cand remove 'Take the hook of an agent out again'
            cand list 'Show which agents ask gate, and by which file'
        }
        &'gate;help;hook;install'= {
        }
        &'gate;help;hook;remove'= {
        }
        &'gate;help;hook;list'= {
        }
        &'gate;help;mcp'= {
        }
        &'gate;help;completions'= {
        }
        &'gate;help;man'= {
        }
        &'gate;help;help'= {
        }
    ]
    $completions[$command]
}
