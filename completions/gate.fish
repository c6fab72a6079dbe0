# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_gate_global_optspecs
    string join \n h/help V/version
end

function __fish_gate_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_gate_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_gate_using_subcommand
    set -l cmd (__fish_gate_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c gate -n "__fish_gate_needs_command" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_needs_command" -s V -l version -d 'Print version'
complete -c gate -n "__fish_gate_needs_command" -f -a "run" -d 'Run a command: at once if it is safe, after a person\'s approval if not'
complete -c gate -n "__fish_gate_needs_command" -f -a "check" -d 'Say what would be decided about a command, without running it'
complete -c gate -n "__fish_gate_needs_command" -f -a "explain" -d 'Explain how a command is read and what decides about it'
complete -c gate -n "__fish_gate_needs_command" -f -a "login" -d 'Log in to an approval server'
complete -c gate -n "__fish_gate_needs_command" -f -a "logout" -d 'Forget the token for an approval server, and the server itself'
complete -c gate -n "__fish_gate_needs_command" -f -a "whoami" -d 'Show who the server takes you for'
complete -c gate -n "__fish_gate_needs_command" -f -a "requests" -d 'See and take back approval requests'
complete -c gate -n "__fish_gate_needs_command" -f -a "approve" -d 'Approve a request, after showing it in full'
complete -c gate -n "__fish_gate_needs_command" -f -a "deny" -d 'Deny a request, after showing it in full'
complete -c gate -n "__fish_gate_needs_command" -f -a "rules" -d 'See, check and share the rules'
complete -c gate -n "__fish_gate_needs_command" -f -a "audit" -d 'See, verify and export the audit log'
complete -c gate -n "__fish_gate_needs_command" -f -a "shim" -d 'Put gate in front of tools on PATH'
complete -c gate -n "__fish_gate_needs_command" -f -a "shell-init" -d 'Print what puts the shims first on PATH, for a shell to read at its start'
complete -c gate -n "__fish_gate_needs_command" -f -a "doctor" -d 'Show where the shims are met and where not, and whether gate is in order'
complete -c gate -n "__fish_gate_needs_command" -f -a "server" -d 'Run the approval server'
complete -c gate -n "__fish_gate_needs_command" -f -a "demo" -d 'Try gate here and now: a server, the wrapped tools, and a shell'
complete -c gate -n "__fish_gate_needs_command" -f -a "hook" -d 'Answer a coding agent\'s hook: may this shell command be run?'
complete -c gate -n "__fish_gate_needs_command" -f -a "mcp" -d 'Serve the Model Context Protocol on stdin and stdout'
complete -c gate -n "__fish_gate_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c gate -n "__fish_gate_needs_command" -f -a "man" -d 'Print gate\'s manual page, or write a page for each command into a folder'
complete -c gate -n "__fish_gate_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand run" -l reason -d 'Why it is to be run, for the people who are asked; `GATE_REASON` says it as well' -r
complete -c gate -n "__fish_gate_using_subcommand run" -l timeout -d 'How long to wait for an answer, as 90s, 30m or 1h; the request itself goes on' -r
complete -c gate -n "__fish_gate_using_subcommand run" -l no-wait -d 'Ask and return at once; run the same command again for the answer. `GATE_NO_WAIT=1` says it as well, also to shims'
complete -c gate -n "__fish_gate_using_subcommand run" -l json -d 'Tell of the wait as JSON lines on stderr'
complete -c gate -n "__fish_gate_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand check" -l rules -d 'Decide by these rules and the built-in baseline alone, with the profiles in force' -r -F
complete -c gate -n "__fish_gate_using_subcommand check" -l json -d 'Print one JSON object'
complete -c gate -n "__fish_gate_using_subcommand check" -l jsonl -d 'Read JSON lines from stdin and answer each with one: an object with `argv`, and where wanted `id`, `stdin`, `cwd`, `env` and `files`. A line that is none is answered with `{"id":…,"error":…}`; it ends with 0 then too, and whatever is decided'
complete -c gate -n "__fish_gate_using_subcommand check" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand explain" -l json -d 'Print one JSON object instead of a tree'
complete -c gate -n "__fish_gate_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand login" -l server -d 'The server, as `https://gate.example.com`; the configured one by default' -r
complete -c gate -n "__fish_gate_using_subcommand login" -l server-key -d 'The key that the server signs with, as its owner gave it to you' -r
complete -c gate -n "__fish_gate_using_subcommand login" -l token-stdin -d 'Read the token from stdin'
complete -c gate -n "__fish_gate_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand logout" -l server -d 'The server; the configured one by default' -r
complete -c gate -n "__fish_gate_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand whoami" -l json -d 'Print one JSON object'
complete -c gate -n "__fish_gate_using_subcommand whoami" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand requests; and not __fish_seen_subcommand_from list show watch cancel help" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand requests; and not __fish_seen_subcommand_from list show watch cancel help" -f -a "list" -d 'List requests, newest first'
complete -c gate -n "__fish_gate_using_subcommand requests; and not __fish_seen_subcommand_from list show watch cancel help" -f -a "show" -d 'Show one request in full'
complete -c gate -n "__fish_gate_using_subcommand requests; and not __fish_seen_subcommand_from list show watch cancel help" -f -a "watch" -d 'Follow one request until it ends, or all of them'
complete -c gate -n "__fish_gate_using_subcommand requests; and not __fish_seen_subcommand_from list show watch cancel help" -f -a "cancel" -d 'Take a request back, so that it will not run'
complete -c gate -n "__fish_gate_using_subcommand requests; and not __fish_seen_subcommand_from list show watch cancel help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from list" -l status -d 'Only those that stand here' -r -f -a "pending\t''
approved\t''
denied\t''
expired\t''
cancelled\t''
claimed\t''
started\t''
finished\t''
unknown\t''"
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from list" -l limit -d 'At most so many' -r
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from list" -l mine -d 'Only those that you, or agents and workloads of yours, have asked for'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of a table'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from show" -l json -d 'Print the request as one JSON object'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from watch" -l json -d 'Print each change as one JSON object a line'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from watch" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from cancel" -l json -d 'Print the request as one JSON object'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from cancel" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from help" -f -a "list" -d 'List requests, newest first'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one request in full'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from help" -f -a "watch" -d 'Follow one request until it ends, or all of them'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from help" -f -a "cancel" -d 'Take a request back, so that it will not run'
complete -c gate -n "__fish_gate_using_subcommand requests; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand approve" -l comment -d 'A word to the requester, at most 500 characters' -r
complete -c gate -n "__fish_gate_using_subcommand approve" -l digest -d 'The first 8 digits or more of the digest that you have read' -r
complete -c gate -n "__fish_gate_using_subcommand approve" -l yes -d 'Do not ask. Needs --digest'
complete -c gate -n "__fish_gate_using_subcommand approve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand deny" -l comment -d 'A word to the requester, at most 500 characters' -r
complete -c gate -n "__fish_gate_using_subcommand deny" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "check" -d 'Name every mistake in rule files and tool profiles'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "compile" -d 'Compile the rules in force, so that shims decide by them at once'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "test" -d 'Hold a table of commands against rules'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "schema" -d 'Print the JSON Schema of rule files, or of another file that gate reads'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "show" -d 'Show the rules in force here, with the layer and the place of each'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "suggest" -d 'Propose rules from what people have answered'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "pull" -d 'Fetch the server\'s rules, verify them and put them in force here'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "push" -d 'Put new rules in force at the server, for every client'
complete -c gate -n "__fish_gate_using_subcommand rules; and not __fish_seen_subcommand_from check compile test schema show suggest pull push help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from check" -l layer -d 'Whose rules they are to be. By default `machine`, and `project` for a file of the name `.gate.toml`' -r -f -a "server\t''
machine\t''
user\t''
project\t''"
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from compile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from test" -l rules -d 'Hold them against these rules and the built-in baseline alone, and not against the rules in force here. They are the machine owner\'s, and a project\'s in a file of the name `.gate.toml`. May be given more than once' -r -F
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from test" -l filter -d 'Only cases whose name holds this text' -r
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from test" -l json -d 'Print one JSON object instead of lines'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object instead of a table'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from suggest" -l min -d 'How often people must have answered' -r
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from suggest" -l server -d 'Ask the server for its whole log, which takes an auditor\'s token'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from suggest" -l json -d 'Print one JSON object instead of a rule file'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from suggest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from push" -l expected-version -d 'Only if this version is in force; 0 for none. Keeps two admins from undoing each other\'s changes. By default the one that is in force now' -r
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "check" -d 'Name every mistake in rule files and tool profiles'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "compile" -d 'Compile the rules in force, so that shims decide by them at once'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "test" -d 'Hold a table of commands against rules'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Print the JSON Schema of rule files, or of another file that gate reads'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the rules in force here, with the layer and the place of each'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "suggest" -d 'Propose rules from what people have answered'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "pull" -d 'Fetch the server\'s rules, verify them and put them in force here'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "push" -d 'Put new rules in force at the server, for every client'
complete -c gate -n "__fish_gate_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand audit; and not __fish_seen_subcommand_from log verify export flush help" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand audit; and not __fish_seen_subcommand_from log verify export flush help" -f -a "log" -d 'Show the newest records of the server\'s log'
complete -c gate -n "__fish_gate_using_subcommand audit; and not __fish_seen_subcommand_from log verify export flush help" -f -a "verify" -d 'Verify the chain, the tree and the signature of a log'
complete -c gate -n "__fish_gate_using_subcommand audit; and not __fish_seen_subcommand_from log verify export flush help" -f -a "export" -d 'Write the log and its signed checkpoint into a folder'
complete -c gate -n "__fish_gate_using_subcommand audit; and not __fish_seen_subcommand_from log verify export flush help" -f -a "flush" -d 'Deliver what this machine has not reported yet'
complete -c gate -n "__fish_gate_using_subcommand audit; and not __fish_seen_subcommand_from log verify export flush help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from log" -l from -d 'Begin at this record, the first being 0' -r
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from log" -l limit -d 'At most so many of those that are there already' -r
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from log" -l type -d 'Only records of this type, as `run.finished`, or of all that begin so, as `run`' -r
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from log" -l request -d 'Only records about this request; its first or last 6 digits or more will do' -r
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from log" -l follow -d 'Go on with new records until you press Ctrl-C'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from log" -l json -d 'Print each record as one JSON object a line'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from verify" -l checkpoint -d 'The signed checkpoint of the export; by default the one beside the records' -r -F
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from verify" -l key -d 'The log\'s key as `name+hash+base64`; by default the one pinned here' -r
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from verify" -l live -d 'Verify the server\'s log'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from verify" -l spool -d 'Verify what this machine has not delivered yet'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from export" -l out -d 'The folder to make. There must be none of this name' -r -F
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from flush" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "log" -d 'Show the newest records of the server\'s log'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Verify the chain, the tree and the signature of a log'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write the log and its signed checkpoint into a folder'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "flush" -d 'Deliver what this machine has not reported yet'
complete -c gate -n "__fish_gate_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand shim; and not __fish_seen_subcommand_from install list remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand shim; and not __fish_seen_subcommand_from install list remove help" -f -a "install" -d 'Put a shim in front of each tool'
complete -c gate -n "__fish_gate_using_subcommand shim; and not __fish_seen_subcommand_from install list remove help" -f -a "list" -d 'Show the shims, what each leads to, and whether it is met'
complete -c gate -n "__fish_gate_using_subcommand shim; and not __fish_seen_subcommand_from install list remove help" -f -a "remove" -d 'Take shims away'
complete -c gate -n "__fish_gate_using_subcommand shim; and not __fish_seen_subcommand_from install list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from install" -l dir -d 'The folder of the shims, instead of the one among your data' -r -F
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from install" -l all -d 'Every tool on PATH that gate has a profile of, but for shells and ordinary commands as `ls`'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from install" -l system -d 'This machine\'s folder, /usr/local/lib/gate/shims, which is root\'s'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from list" -l dir -d 'The folder of the shims, instead of the one among your data' -r -F
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of a table'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from list" -l system -d 'This machine\'s folder, /usr/local/lib/gate/shims, which is root\'s'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from remove" -l dir -d 'The folder of the shims, instead of the one among your data' -r -F
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from remove" -l all -d 'Every shim of the folder'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from remove" -l system -d 'This machine\'s folder, /usr/local/lib/gate/shims, which is root\'s'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from help" -f -a "install" -d 'Put a shim in front of each tool'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show the shims, what each leads to, and whether it is met'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take shims away'
complete -c gate -n "__fish_gate_using_subcommand shim; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand shell-init" -l dir -d 'The folder of the shims, instead of the one among your data' -r -F
complete -c gate -n "__fish_gate_using_subcommand shell-init" -l system -d 'This machine\'s folder, /usr/local/lib/gate/shims, which is root\'s'
complete -c gate -n "__fish_gate_using_subcommand shell-init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand doctor" -l way -d 'A way of starting a command that must hold; only those that are named are looked at' -r -f -a "here\t'By this process, as it is'
login\t'By a login shell that runs one command, as many agents do'
interactive\t'At the prompt of a new shell'
script\t'By a script that is started from here'
cron\t'By the user\'s crontab'
ssh\t'By `ssh HOST COMMAND`'
sudo\t'By sudo'
systemd\t'By a unit of systemd'
container\t'In a container'"
complete -c gate -n "__fish_gate_using_subcommand doctor" -l json -d 'Print one JSON object'
complete -c gate -n "__fish_gate_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l config -d 'A file of settings, in TOML. Flags win over it' -r -F
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l data -d 'The folder with keys and database' -r -F
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l listen -d 'Where to listen; port 0 takes any free one. Only loopback without TLS' -r
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l url -d 'Where people reach the server, if not at the address it listens on' -r
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l tls-cert -d 'The certificate with its chain, in PEM' -r -F
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l tls-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l dev -d 'Make a server to try things on, and print its tokens. Never in production'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -l json -d 'Print one JSON object when it is ready'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -f -a "init" -d 'Make the keys, the database and the first admin'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -f -a "openapi" -d 'Print the description of the HTTP API'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -f -a "principal" -d 'Say who may act on the server that you are logged in to'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -f -a "token" -d 'Make, list and revoke tokens on the server that you are logged in to'
complete -c gate -n "__fish_gate_using_subcommand server; and not __fish_seen_subcommand_from init openapi principal token help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from init" -l data -d 'The folder for keys and database; only you will be able to read it' -r -F
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from init" -l json -d 'Print one JSON object'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from openapi" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from principal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from principal" -f -a "create" -d 'Make a person, an agent or a workload known'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from principal" -f -a "list" -d 'List the principals, by name'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from principal" -f -a "disable" -d 'Stop a principal, and what it owns, from acting'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from principal" -f -a "enable" -d 'Let a disabled principal act again'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from principal" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from token" -f -a "create" -d 'Make a token and print it, once'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from token" -f -a "list" -d 'List tokens, the oldest first, by id: whose, for what, until when'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from token" -f -a "revoke" -d 'Take a token back'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from token" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "init" -d 'Make the keys, the database and the first admin'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "openapi" -d 'Print the description of the HTTP API'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "principal" -d 'Say who may act on the server that you are logged in to'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "token" -d 'Make, list and revoke tokens on the server that you are logged in to'
complete -c gate -n "__fish_gate_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand demo" -l scripted -d 'Play the scenario even on a terminal'
complete -c gate -n "__fish_gate_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand hook; and not __fish_seen_subcommand_from install remove list help" -l strict -d 'Speak for every command that gate would ask about, not only for tools that reach beyond the work folder and for what rules name'
complete -c gate -n "__fish_gate_using_subcommand hook; and not __fish_seen_subcommand_from install remove list help" -l shims -d 'Leave a command to gate\'s shim where that is what PATH leads to first. Say so only where the agent\'s shell has the PATH that the agent has: a login shell makes its own'
complete -c gate -n "__fish_gate_using_subcommand hook; and not __fish_seen_subcommand_from install remove list help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand hook; and not __fish_seen_subcommand_from install remove list help" -a "install" -d 'Set the hook of an agent, so that it asks gate before each shell command'
complete -c gate -n "__fish_gate_using_subcommand hook; and not __fish_seen_subcommand_from install remove list help" -a "remove" -d 'Take the hook of an agent out again'
complete -c gate -n "__fish_gate_using_subcommand hook; and not __fish_seen_subcommand_from install remove list help" -a "list" -d 'Show which agents ask gate, and by which file'
complete -c gate -n "__fish_gate_using_subcommand hook; and not __fish_seen_subcommand_from install remove list help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from install" -l project -d 'In the settings of the project around the working folder, for all who work in it'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from install" -l dry-run -d 'Show what would change, and change nothing'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from install" -l strict -d 'Speak for every command that gate would ask about, not only for tools that reach beyond the work folder and for what rules name'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from install" -l shims -d 'Leave a command to gate\'s shim where that is what PATH leads to first. Say so only where the agent\'s shell has the PATH that the agent has: a login shell makes its own'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from remove" -l project -d 'From the settings of the project around the working folder'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from remove" -l dry-run -d 'Show what would change, and change nothing'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from help" -f -a "install" -d 'Set the hook of an agent, so that it asks gate before each shell command'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take the hook of an agent out again'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show which agents ask gate, and by which file'
complete -c gate -n "__fish_gate_using_subcommand hook; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand mcp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gate -n "__fish_gate_using_subcommand completions" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand man" -l dir -d 'The folder to write `gate.1`, `gate-run.1` and so on into' -r -F
complete -c gate -n "__fish_gate_using_subcommand man" -s h -l help -d 'Print help'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "run" -d 'Run a command: at once if it is safe, after a person\'s approval if not'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "check" -d 'Say what would be decided about a command, without running it'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "explain" -d 'Explain how a command is read and what decides about it'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "login" -d 'Log in to an approval server'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "logout" -d 'Forget the token for an approval server, and the server itself'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "whoami" -d 'Show who the server takes you for'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "requests" -d 'See and take back approval requests'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "approve" -d 'Approve a request, after showing it in full'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "deny" -d 'Deny a request, after showing it in full'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "rules" -d 'See, check and share the rules'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "audit" -d 'See, verify and export the audit log'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "shim" -d 'Put gate in front of tools on PATH'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "shell-init" -d 'Print what puts the shims first on PATH, for a shell to read at its start'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "doctor" -d 'Show where the shims are met and where not, and whether gate is in order'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "server" -d 'Run the approval server'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "demo" -d 'Try gate here and now: a server, the wrapped tools, and a shell'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "hook" -d 'Answer a coding agent\'s hook: may this shell command be run?'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "mcp" -d 'Serve the Model Context Protocol on stdin and stdout'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "man" -d 'Print gate\'s manual page, or write a page for each command into a folder'
complete -c gate -n "__fish_gate_using_subcommand help; and not __fish_seen_subcommand_from run check explain login logout whoami requests approve deny rules audit shim shell-init doctor server demo hook mcp completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from requests" -f -a "list" -d 'List requests, newest first'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from requests" -f -a "show" -d 'Show one request in full'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from requests" -f -a "watch" -d 'Follow one request until it ends, or all of them'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from requests" -f -a "cancel" -d 'Take a request back, so that it will not run'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "check" -d 'Name every mistake in rule files and tool profiles'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "compile" -d 'Compile the rules in force, so that shims decide by them at once'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "test" -d 'Hold a table of commands against rules'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "schema" -d 'Print the JSON Schema of rule files, or of another file that gate reads'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "show" -d 'Show the rules in force here, with the layer and the place of each'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "suggest" -d 'Propose rules from what people have answered'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "pull" -d 'Fetch the server\'s rules, verify them and put them in force here'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "push" -d 'Put new rules in force at the server, for every client'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "log" -d 'Show the newest records of the server\'s log'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Verify the chain, the tree and the signature of a log'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "export" -d 'Write the log and its signed checkpoint into a folder'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "flush" -d 'Deliver what this machine has not reported yet'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from shim" -f -a "install" -d 'Put a shim in front of each tool'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from shim" -f -a "list" -d 'Show the shims, what each leads to, and whether it is met'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from shim" -f -a "remove" -d 'Take shims away'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "init" -d 'Make the keys, the database and the first admin'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "openapi" -d 'Print the description of the HTTP API'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "principal" -d 'Say who may act on the server that you are logged in to'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "token" -d 'Make, list and revoke tokens on the server that you are logged in to'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from hook" -f -a "install" -d 'Set the hook of an agent, so that it asks gate before each shell command'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from hook" -f -a "remove" -d 'Take the hook of an agent out again'
complete -c gate -n "__fish_gate_using_subcommand help; and __fish_seen_subcommand_from hook" -f -a "list" -d 'Show which agents ask gate, and by which file'
