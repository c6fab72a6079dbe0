
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'gate' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'gate'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'gate' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a command: at once if it is safe, after a person''s approval if not')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Say what would be decided about a command, without running it')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain how a command is read and what decides about it')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Log in to an approval server')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Forget the token for an approval server, and the server itself')
            [CompletionResult]::new('whoami', 'whoami', [CompletionResultType]::ParameterValue, 'Show who the server takes you for')
            [CompletionResult]::new('requests', 'requests', [CompletionResultType]::ParameterValue, 'See and take back approval requests')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Approve a request, after showing it in full')
            [CompletionResult]::new('deny', 'deny', [CompletionResultType]::ParameterValue, 'Deny a request, after showing it in full')
            [CompletionResult]::new('rules', 'rules', [CompletionResultType]::ParameterValue, 'See, check and share the rules')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'See, verify and export the audit log')
            [CompletionResult]::new('shim', 'shim', [CompletionResultType]::ParameterValue, 'Put gate in front of tools on PATH')
            [CompletionResult]::new('shell-init', 'shell-init', [CompletionResultType]::ParameterValue, 'Print what puts the shims first on PATH, for a shell to read at its start')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Show where the shims are met and where not, and whether gate is in order')
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'Run the approval server')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Try gate here and now: a server, the wrapped tools, and a shell')
            [CompletionResult]::new('hook', 'hook', [CompletionResultType]::ParameterValue, 'Answer a coding agent''s hook: may this shell command be run?')
            [CompletionResult]::new('mcp', 'mcp', [CompletionResultType]::ParameterValue, 'Serve the Model Context Protocol on stdin and stdout')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print gate''s manual page, or write a page for each command into a folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;run' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why it is to be run, for the people who are asked; `GATE_REASON` says it as well')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for an answer, as 90s, 30m or 1h; the request itself goes on')
            [CompletionResult]::new('--no-wait', '--no-wait', [CompletionResultType]::ParameterName, 'Ask and return at once; run the same command again for the answer. `GATE_NO_WAIT=1` says it as well, also to shims')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Tell of the wait as JSON lines on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;check' {
            [CompletionResult]::new('--rules', '--rules', [CompletionResultType]::ParameterName, 'Decide by these rules and the built-in baseline alone, with the profiles in force')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Read JSON lines from stdin and answer each with one: an object with `argv`, and where wanted `id`, `stdin`, `cwd`, `env` and `files`. A line that is none is answered with `{"id":…,"error":…}`; it ends with 0 then too, and whatever is decided')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;explain' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of a tree')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;login' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The server, as `https://gate.example.com`; the configured one by default')
            [CompletionResult]::new('--server-key', '--server-key', [CompletionResultType]::ParameterName, 'The key that the server signs with, as its owner gave it to you')
            [CompletionResult]::new('--token-stdin', '--token-stdin', [CompletionResultType]::ParameterName, 'Read the token from stdin')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;logout' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'The server; the configured one by default')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;whoami' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;requests' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List requests, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one request in full')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Follow one request until it ends, or all of them')
            [CompletionResult]::new('cancel', 'cancel', [CompletionResultType]::ParameterValue, 'Take a request back, so that it will not run')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;requests;list' {
            [CompletionResult]::new('--status', '--status', [CompletionResultType]::ParameterName, 'Only those that stand here')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many')
            [CompletionResult]::new('--mine', '--mine', [CompletionResultType]::ParameterName, 'Only those that you, or agents and workloads of yours, have asked for')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of a table')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;requests;show' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the request as one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;requests;watch' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print each change as one JSON object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;requests;cancel' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the request as one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;requests;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List requests, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one request in full')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Follow one request until it ends, or all of them')
            [CompletionResult]::new('cancel', 'cancel', [CompletionResultType]::ParameterValue, 'Take a request back, so that it will not run')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;requests;help;list' {
            break
        }
        'gate;requests;help;show' {
            break
        }
        'gate;requests;help;watch' {
            break
        }
        'gate;requests;help;cancel' {
            break
        }
        'gate;requests;help;help' {
            break
        }
        'gate;approve' {
            [CompletionResult]::new('--comment', '--comment', [CompletionResultType]::ParameterName, 'A word to the requester, at most 500 characters')
            [CompletionResult]::new('--digest', '--digest', [CompletionResultType]::ParameterName, 'The first 8 digits or more of the digest that you have read')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask. Needs --digest')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;deny' {
            [CompletionResult]::new('--comment', '--comment', [CompletionResultType]::ParameterName, 'A word to the requester, at most 500 characters')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Name every mistake in rule files and tool profiles')
            [CompletionResult]::new('compile', 'compile', [CompletionResultType]::ParameterValue, 'Compile the rules in force, so that shims decide by them at once')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Hold a table of commands against rules')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of rule files, or of another file that gate reads')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the rules in force here, with the layer and the place of each')
            [CompletionResult]::new('suggest', 'suggest', [CompletionResultType]::ParameterValue, 'Propose rules from what people have answered')
            [CompletionResult]::new('pull', 'pull', [CompletionResultType]::ParameterValue, 'Fetch the server''s rules, verify them and put them in force here')
            [CompletionResult]::new('push', 'push', [CompletionResultType]::ParameterValue, 'Put new rules in force at the server, for every client')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;rules;check' {
            [CompletionResult]::new('--layer', '--layer', [CompletionResultType]::ParameterName, 'Whose rules they are to be. By default `machine`, and `project` for a file of the name `.gate.toml`')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;compile' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;test' {
            [CompletionResult]::new('--rules', '--rules', [CompletionResultType]::ParameterName, 'Hold them against these rules and the built-in baseline alone, and not against the rules in force here. They are the machine owner''s, and a project''s in a file of the name `.gate.toml`. May be given more than once')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Only cases whose name holds this text')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of lines')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;show' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of a table')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;suggest' {
            [CompletionResult]::new('--min', '--min', [CompletionResultType]::ParameterName, 'How often people must have answered')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Ask the server for its whole log, which takes an auditor''s token')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of a rule file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;pull' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;push' {
            [CompletionResult]::new('--expected-version', '--expected-version', [CompletionResultType]::ParameterName, 'Only if this version is in force; 0 for none. Keeps two admins from undoing each other''s changes. By default the one that is in force now')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;rules;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Name every mistake in rule files and tool profiles')
            [CompletionResult]::new('compile', 'compile', [CompletionResultType]::ParameterValue, 'Compile the rules in force, so that shims decide by them at once')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Hold a table of commands against rules')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of rule files, or of another file that gate reads')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the rules in force here, with the layer and the place of each')
            [CompletionResult]::new('suggest', 'suggest', [CompletionResultType]::ParameterValue, 'Propose rules from what people have answered')
            [CompletionResult]::new('pull', 'pull', [CompletionResultType]::ParameterValue, 'Fetch the server''s rules, verify them and put them in force here')
            [CompletionResult]::new('push', 'push', [CompletionResultType]::ParameterValue, 'Put new rules in force at the server, for every client')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;rules;help;check' {
            break
        }
        'gate;rules;help;compile' {
            break
        }
        'gate;rules;help;test' {
            break
        }
        'gate;rules;help;schema' {
            break
        }
        'gate;rules;help;show' {
            break
        }
        'gate;rules;help;suggest' {
            break
        }
        'gate;rules;help;pull' {
            break
        }
        'gate;rules;help;push' {
            break
        }
        'gate;rules;help;help' {
            break
        }
        'gate;audit' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show the newest records of the server''s log')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Verify the chain, the tree and the signature of a log')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write the log and its signed checkpoint into a folder')
            [CompletionResult]::new('flush', 'flush', [CompletionResultType]::ParameterValue, 'Deliver what this machine has not reported yet')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;audit;log' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Begin at this record, the first being 0')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many of those that are there already')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Only records of this type, as `run.finished`, or of all that begin so, as `run`')
            [CompletionResult]::new('--request', '--request', [CompletionResultType]::ParameterName, 'Only records about this request; its first or last 6 digits or more will do')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on with new records until you press Ctrl-C')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print each record as one JSON object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;audit;verify' {
            [CompletionResult]::new('--checkpoint', '--checkpoint', [CompletionResultType]::ParameterName, 'The signed checkpoint of the export; by default the one beside the records')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The log''s key as `name+hash+base64`; by default the one pinned here')
            [CompletionResult]::new('--live', '--live', [CompletionResultType]::ParameterName, 'Verify the server''s log')
            [CompletionResult]::new('--spool', '--spool', [CompletionResultType]::ParameterName, 'Verify what this machine has not delivered yet')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;audit;export' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The folder to make. There must be none of this name')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;audit;flush' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;audit;help' {
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show the newest records of the server''s log')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Verify the chain, the tree and the signature of a log')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write the log and its signed checkpoint into a folder')
            [CompletionResult]::new('flush', 'flush', [CompletionResultType]::ParameterValue, 'Deliver what this machine has not reported yet')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;audit;help;log' {
            break
        }
        'gate;audit;help;verify' {
            break
        }
        'gate;audit;help;export' {
            break
        }
        'gate;audit;help;flush' {
            break
        }
        'gate;audit;help;help' {
            break
        }
        'gate;shim' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Put a shim in front of each tool')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show the shims, what each leads to, and whether it is met')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take shims away')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;shim;install' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The folder of the shims, instead of the one among your data')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every tool on PATH that gate has a profile of, but for shells and ordinary commands as `ls`')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;shim;list' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The folder of the shims, instead of the one among your data')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object instead of a table')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;shim;remove' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The folder of the shims, instead of the one among your data')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every shim of the folder')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;shim;help' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Put a shim in front of each tool')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show the shims, what each leads to, and whether it is met')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take shims away')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;shim;help;install' {
            break
        }
        'gate;shim;help;list' {
            break
        }
        'gate;shim;help;remove' {
            break
        }
        'gate;shim;help;help' {
            break
        }
        'gate;shell-init' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The folder of the shims, instead of the one among your data')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'This machine''s folder, /usr/local/lib/gate/shims, which is root''s')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;doctor' {
            [CompletionResult]::new('--way', '--way', [CompletionResultType]::ParameterName, 'A way of starting a command that must hold; only those that are named are looked at')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'A file of settings, in TOML. Flags win over it')
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder with keys and database')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Where to listen; port 0 takes any free one. Only loopback without TLS')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Where people reach the server, if not at the address it listens on')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'The certificate with its chain, in PEM')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'The certificate''s private key, in PEM')
            [CompletionResult]::new('--dev', '--dev', [CompletionResultType]::ParameterName, 'Make a server to try things on, and print its tokens. Never in production')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object when it is ready')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make the keys, the database and the first admin')
            [CompletionResult]::new('openapi', 'openapi', [CompletionResultType]::ParameterValue, 'Print the description of the HTTP API')
            [CompletionResult]::new('principal', 'principal', [CompletionResultType]::ParameterValue, 'Say who may act on the server that you are logged in to')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Make, list and revoke tokens on the server that you are logged in to')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;server;init' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder for keys and database; only you will be able to read it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;openapi' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;server;principal' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a person, an agent or a workload known')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the principals, by name')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Stop a principal, and what it owns, from acting')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Let a disabled principal act again')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;server;principal;create' {
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'What it is')
            [CompletionResult]::new('--owner', '--owner', [CompletionResultType]::ParameterName, 'The user who owns it; agents and workloads need one')
            [CompletionResult]::new('--group', '--group', [CompletionResultType]::ParameterName, 'A group that it is in; may be given again')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;principal;list' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON array')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;principal;disable' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;principal;enable' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;principal;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a person, an agent or a workload known')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the principals, by name')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Stop a principal, and what it owns, from acting')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Let a disabled principal act again')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;server;principal;help;create' {
            break
        }
        'gate;server;principal;help;list' {
            break
        }
        'gate;server;principal;help;disable' {
            break
        }
        'gate;server;principal;help;enable' {
            break
        }
        'gate;server;principal;help;help' {
            break
        }
        'gate;server;token' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a token and print it, once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List tokens, the oldest first, by id: whose, for what, until when')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'Take a token back')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;server;token;create' {
            [CompletionResult]::new('--principal', '--principal', [CompletionResultType]::ParameterName, 'Whose token it will be')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'What it may be used for; approver, admin and auditor are for users only')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'How long it lives, as 30m or 90d: from 1m to 365d')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;token;list' {
            [CompletionResult]::new('--principal', '--principal', [CompletionResultType]::ParameterName, 'Only those of this principal')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Those too that have ended or were revoked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON array')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;token;revoke' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;server;token;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a token and print it, once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List tokens, the oldest first, by id: whose, for what, until when')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'Take a token back')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;server;token;help;create' {
            break
        }
        'gate;server;token;help;list' {
            break
        }
        'gate;server;token;help;revoke' {
            break
        }
        'gate;server;token;help;help' {
            break
        }
        'gate;server;help' {
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make the keys, the database and the first admin')
            [CompletionResult]::new('openapi', 'openapi', [CompletionResultType]::ParameterValue, 'Print the description of the HTTP API')
            [CompletionResult]::new('principal', 'principal', [CompletionResultType]::ParameterValue, 'Say who may act on the server that you are logged in to')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Make, list and revoke tokens on the server that you are logged in to')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;server;help;init' {
            break
        }
        'gate;server;help;openapi' {
            break
        }
        'gate;server;help;principal' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a person, an agent or a workload known')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the principals, by name')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Stop a principal, and what it owns, from acting')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Let a disabled principal act again')
            break
        }
        'gate;server;help;principal;create' {
            break
        }
        'gate;server;help;principal;list' {
            break
        }
        'gate;server;help;principal;disable' {
            break
        }
        'gate;server;help;principal;enable' {
            break
        }
        'gate;server;help;token' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a token and print it, once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List tokens, the oldest first, by id: whose, for what, until when')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'Take a token back')
            break
        }
        'gate;server;help;token;create' {
            break
        }
        'gate;server;help;token;list' {
            break
        }
        'gate;server;help;token;revoke' {
            break
        }
        'gate;server;help;help' {
            break
        }
        'gate;demo' {
            [CompletionResult]::new('--scripted', '--scripted', [CompletionResultType]::ParameterName, 'Play the scenario even on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;hook' {
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Speak for every command that gate would ask about, not only for tools that reach beyond the work folder and for what rules name')
            [CompletionResult]::new('--shims', '--shims', [CompletionResultType]::ParameterName, 'Leave a command to gate''s shim where that is what PATH leads to first. Say so only where the agent''s shell has the PATH that the agent has: a login shell makes its own')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Set the hook of an agent, so that it asks gate before each shell command')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take the hook of an agent out again')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show which agents ask gate, and by which file')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;hook;install' {
            [CompletionResult]::new('--project', '--project', [CompletionResultType]::ParameterName, 'In the settings of the project around the working folder, for all who work in it')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would change, and change nothing')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Speak for every command that gate would ask about, not only for tools that reach beyond the work folder and for what rules name')
            [CompletionResult]::new('--shims', '--shims', [CompletionResultType]::ParameterName, 'Leave a command to gate''s shim where that is what PATH leads to first. Say so only where the agent''s shell has the PATH that the agent has: a login shell makes its own')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;hook;remove' {
            [CompletionResult]::new('--project', '--project', [CompletionResultType]::ParameterName, 'From the settings of the project around the working folder')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would change, and change nothing')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;hook;list' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;hook;help' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Set the hook of an agent, so that it asks gate before each shell command')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take the hook of an agent out again')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show which agents ask gate, and by which file')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;hook;help;install' {
            break
        }
        'gate;hook;help;remove' {
            break
        }
        'gate;hook;help;list' {
            break
        }
        'gate;hook;help;help' {
            break
        }
        'gate;mcp' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'gate;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;man' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The folder to write `gate.1`, `gate-run.1` and so on into')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'gate;help' {
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a command: at once if it is safe, after a person''s approval if not')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Say what would be decided about a command, without running it')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain how a command is read and what decides about it')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Log in to an approval server')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Forget the token for an approval server, and the server itself')
            [CompletionResult]::new('whoami', 'whoami', [CompletionResultType]::ParameterValue, 'Show who the server takes you for')
            [CompletionResult]::new('requests', 'requests', [CompletionResultType]::ParameterValue, 'See and take back approval requests')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Approve a request, after showing it in full')
            [CompletionResult]::new('deny', 'deny', [CompletionResultType]::ParameterValue, 'Deny a request, after showing it in full')
            [CompletionResult]::new('rules', 'rules', [CompletionResultType]::ParameterValue, 'See, check and share the rules')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'See, verify and export the audit log')
            [CompletionResult]::new('shim', 'shim', [CompletionResultType]::ParameterValue, 'Put gate in front of tools on PATH')
            [CompletionResult]::new('shell-init', 'shell-init', [CompletionResultType]::ParameterValue, 'Print what puts the shims first on PATH, for a shell to read at its start')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Show where the shims are met and where not, and whether gate is in order')
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'Run the approval server')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Try gate here and now: a server, the wrapped tools, and a shell')
            [CompletionResult]::new('hook', 'hook', [CompletionResultType]::ParameterValue, 'Answer a coding agent''s hook: may this shell command be run?')
            [CompletionResult]::new('mcp', 'mcp', [CompletionResultType]::ParameterValue, 'Serve the Model Context Protocol on stdin and stdout')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print gate''s manual page, or write a page for each command into a folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'gate;help;run' {
            break
        }
        'gate;help;check' {
            break
        }
        'gate;help;explain' {
            break
        }
        'gate;help;login' {
            break
        }
        'gate;help;logout' {
            break
        }
        'gate;help;whoami' {
            break
        }
        'gate;help;requests' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List requests, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one request in full')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Follow one request until it ends, or all of them')
            [CompletionResult]::new('cancel', 'cancel', [CompletionResultType]::ParameterValue, 'Take a request back, so that it will not run')
            break
        }
        'gate;help;requests;list' {
            break
        }
        'gate;help;requests;show' {
            break
        }
        'gate;help;requests;watch' {
            break
        }
        'gate;help;requests;cancel' {
            break
        }
        'gate;help;approve' {
            break
        }
        'gate;help;deny' {
            break
        }
        'gate;help;rules' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Name every mistake in rule files and tool profiles')
            [CompletionResult]::new('compile', 'compile', [CompletionResultType]::ParameterValue, 'Compile the rules in force, so that shims decide by them at once')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Hold a table of commands against rules')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of rule files, or of another file that gate reads')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the rules in force here, with the layer and the place of each')
            [CompletionResult]::new('suggest', 'suggest', [CompletionResultType]::ParameterValue, 'Propose rules from what people have answered')
            [CompletionResult]::new('pull', 'pull', [CompletionResultType]::ParameterValue, 'Fetch the server''s rules, verify them and put them in force here')
            [CompletionResult]::new('push', 'push', [CompletionResultType]::ParameterValue, 'Put new rules in force at the server, for every client')
            break
        }
        'gate;help;rules;check' {
            break
        }
        'gate;help;rules;compile' {
            break
        }
        'gate;help;rules;test' {
            break
        }
        'gate;help;rules;schema' {
            break
        }
        'gate;help;rules;show' {
            break
        }
        'gate;help;rules;suggest' {
            break
        }
        'gate;help;rules;pull' {
            break
        }
        'gate;help;rules;push' {
            break
        }
        'gate;help;audit' {
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show the newest records of the server''s log')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Verify the chain, the tree and the signature of a log')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write the log and its signed checkpoint into a folder')
            [CompletionResult]::new('flush', 'flush', [CompletionResultType]::ParameterValue, 'Deliver what this machine has not reported yet')
            break
        }
        'gate;help;audit;log' {
            break
        }
        'gate;help;audit;verify' {
            break
        }
        'gate;help;audit;export' {
            break
        }
        'gate;help;audit;flush' {
            break
        }
        'gate;help;shim' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Put a shim in front of each tool')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show the shims, what each leads to, and whether it is met')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take shims away')
            break
        }
        'gate;help;shim;install' {
            break
        }
        'gate;help;shim;list' {
            break
        }
        'gate;help;shim;remove' {
            break
        }
        'gate;help;shell-init' {
            break
        }
        'gate;help;doctor' {
            break
        }
        'gate;help;server' {
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make the keys, the database and the first admin')
            [CompletionResult]::new('openapi', 'openapi', [CompletionResultType]::ParameterValue, 'Print the description of the HTTP API')
            [CompletionResult]::new('principal', 'principal', [CompletionResultType]::ParameterValue, 'Say who may act on the server that you are logged in to')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Make, list and revoke tokens on the server that you are logged in to')
            break
        }
        'gate;help;server;init' {
            break
        }
        'gate;help;server;openapi' {
            break
        }
        'gate;help;server;principal' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a person, an agent or a workload known')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the principals, by name')
            [CompletionResult]::new('disable', 'disable', [CompletionResultType]::ParameterValue, 'Stop a principal, and what it owns, from acting')
            [CompletionResult]::new('enable', 'enable', [CompletionResultType]::ParameterValue, 'Let a disabled principal act again')
            break
        }
        'gate;help;server;principal;create' {
            break
        }
        'gate;help;server;principal;list' {
            break
        }
        'gate;help;server;principal;disable' {
            break
        }
        'gate;help;server;principal;enable' {
            break
        }
        'gate;help;server;token' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a token and print it, once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List tokens, the oldest first, by id: whose, for what, until when')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'Take a token back')
            break
        }
        'gate;help;server;token;create' {
            break
        }
        'gate;help;server;token;list' {
            break
        }
        'gate;help;server;token;revoke' {
            break
        }
        'gate;help;demo' {
            break
        }
        'gate;help;hook' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Set the hook of an agent, so that it asks gate before each shell command')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take the hook of an agent out again')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show which agents ask gate, and by which file')
            break
        }
        'gate;help;hook;install' {
            break
        }
        'gate;help;hook;remove' {
            break
        }
        'gate;help;hook;list' {
            break
        }
        'gate;help;mcp' {
            break
        }
        'gate;help;completions' {
            break
        }
        'gate;help;man' {
            break
        }
        'gate;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
