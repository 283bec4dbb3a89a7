# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_switchboard_global_optspecs
    string join \n profile= otlp-grpc-port= otlp-http-port= headless for= report= screenshot= view= keys= size= theme= memory= h/help V/version
end

function __fish_switchboard_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_switchboard_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_switchboard_using_subcommand
    set -l cmd (__fish_switchboard_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c switchboard -n "__fish_switchboard_needs_command" -l profile -d 'What to connect to (TOML); without it only the OTLP ports listen' -r -F
complete -c switchboard -n "__fish_switchboard_needs_command" -l otlp-grpc-port -d 'Port for OTLP over gRPC, instead of the profile\'s (0 = off)' -r
complete -c switchboard -n "__fish_switchboard_needs_command" -l otlp-http-port -d 'Port for OTLP over HTTP, instead of the profile\'s (0 = off)' -r
complete -c switchboard -n "__fish_switchboard_needs_command" -l for -d 'End after this long, as 40s, 10m or 1h' -r
complete -c switchboard -n "__fish_switchboard_needs_command" -l report -d 'Write what was seen (JSON) at the end; - is standard output' -r -F
complete -c switchboard -n "__fish_switchboard_needs_command" -l screenshot -d 'Draw the window into a PNG at the end' -r -F
complete -c switchboard -n "__fish_switchboard_needs_command" -l view -d 'Which view to draw' -r -f -a "map\t'Who talks to whom, and what is unusual about it'
traces\t'By service, operation, duration and status'
messages\t'Topics and their records'
groups\t'Consumer groups and how far they are behind'
dead-letters\t'What died, of what, and sending it again'
breakers\t'Circuit breakers and their states'
send\t'Requests, calls and records that are composed here, what was answered, and what that caused'
ledger\t'What was sent from here, of all sessions, and what became of it'
sources\t'Where the data come from, and how that goes'
log\t'What this program says of itself; logs of services stand in Find and in a service\'s panel'"
complete -c switchboard -n "__fish_switchboard_needs_command" -l keys -d 'What to press and type in it before, as \'Ctrl+K "4711" Enter\'' -r
complete -c switchboard -n "__fish_switchboard_needs_command" -l size -d 'Its size in pixels' -r
complete -c switchboard -n "__fish_switchboard_needs_command" -l theme -d 'Its colours; without it dark in a picture, the remembered choice in the window' -r -f -a "dark\t''
light\t''"
complete -c switchboard -n "__fish_switchboard_needs_command" -l memory -d 'Memory for what was observed, as 512MiB or 4GiB' -r
complete -c switchboard -n "__fish_switchboard_needs_command" -l headless -d 'No window: status lines on standard output'
complete -c switchboard -n "__fish_switchboard_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchboard -n "__fish_switchboard_needs_command" -s V -l version -d 'Print version'
complete -c switchboard -n "__fish_switchboard_needs_command" -f -a "demo" -d 'Start a small business of real services on loopback and watch it'
complete -c switchboard -n "__fish_switchboard_needs_command" -f -a "watch" -d 'Watch real systems: those of a profile, and whatever sends OTLP'
complete -c switchboard -n "__fish_switchboard_needs_command" -f -a "lab" -d 'Run the demo\'s services alone, as a process of their own'
complete -c switchboard -n "__fish_switchboard_needs_command" -f -a "send" -d 'Send one request from its file, and tell what was answered (JSON)'
complete -c switchboard -n "__fish_switchboard_needs_command" -f -a "replay" -d 'Send the records of a plan that the window saved, or of a file, and tell what became of them (JSON)'
complete -c switchboard -n "__fish_switchboard_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l kafka -d 'Use this Kafka instead of the built-in mock cluster' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l books -d 'Write what the demo\'s business did by its own books (JSON)' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l rate -d 'Orders per second' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l for -d 'End after this long, as 40s, 10m or 1h' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l report -d 'Write what was seen (JSON) at the end; - is standard output' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l screenshot -d 'Draw the window into a PNG at the end' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l view -d 'Which view to draw' -r -f -a "map\t'Who talks to whom, and what is unusual about it'
traces\t'By service, operation, duration and status'
messages\t'Topics and their records'
groups\t'Consumer groups and how far they are behind'
dead-letters\t'What died, of what, and sending it again'
breakers\t'Circuit breakers and their states'
send\t'Requests, calls and records that are composed here, what was answered, and what that caused'
ledger\t'What was sent from here, of all sessions, and what became of it'
sources\t'Where the data come from, and how that goes'
log\t'What this program says of itself; logs of services stand in Find and in a service\'s panel'"
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l keys -d 'What to press and type in it before, as \'Ctrl+K "4711" Enter\'' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l size -d 'Its size in pixels' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l theme -d 'Its colours; without it dark in a picture, the remembered choice in the window' -r -f -a "dark\t''
light\t''"
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l memory -d 'Memory for what was observed, as 512MiB or 4GiB' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l no-script -d 'Leave the faults to you instead of the script'
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -l headless -d 'No window: status lines on standard output'
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchboard -n "__fish_switchboard_using_subcommand demo" -s V -l version -d 'Print version'
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l profile -d 'What to connect to (TOML); without it only the OTLP ports listen' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l otlp-grpc-port -d 'Port for OTLP over gRPC, instead of the profile\'s (0 = off)' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l otlp-http-port -d 'Port for OTLP over HTTP, instead of the profile\'s (0 = off)' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l for -d 'End after this long, as 40s, 10m or 1h' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l report -d 'Write what was seen (JSON) at the end; - is standard output' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l screenshot -d 'Draw the window into a PNG at the end' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l view -d 'Which view to draw' -r -f -a "map\t'Who talks to whom, and what is unusual about it'
traces\t'By service, operation, duration and status'
messages\t'Topics and their records'
groups\t'Consumer groups and how far they are behind'
dead-letters\t'What died, of what, and sending it again'
breakers\t'Circuit breakers and their states'
send\t'Requests, calls and records that are composed here, what was answered, and what that caused'
ledger\t'What was sent from here, of all sessions, and what became of it'
sources\t'Where the data come from, and how that goes'
log\t'What this program says of itself; logs of services stand in Find and in a service\'s panel'"
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l keys -d 'What to press and type in it before, as \'Ctrl+K "4711" Enter\'' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l size -d 'Its size in pixels' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l theme -d 'Its colours; without it dark in a picture, the remembered choice in the window' -r -f -a "dark\t''
light\t''"
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l memory -d 'Memory for what was observed, as 512MiB or 4GiB' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -l headless -d 'No window: status lines on standard output'
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchboard -n "__fish_switchboard_using_subcommand watch" -s V -l version -d 'Print version'
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -l kafka -d 'Use this Kafka instead of the built-in mock cluster' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -l books -d 'Write what the business did by its own books (JSON)' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -l otlp-grpc-port -d 'Port to which spans go over gRPC' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -l otlp-http-port -d 'Port to which spans go over HTTP' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -l rate -d 'Orders per second' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -l no-script -d 'Leave the faults to lines on standard input instead of the script'
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -l hold -d 'Place no order before the line `go` on standard input'
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -s h -l help -d 'Print help'
complete -c switchboard -n "__fish_switchboard_using_subcommand lab" -s V -l version -d 'Print version'
complete -c switchboard -n "__fish_switchboard_using_subcommand send" -l profile -d 'The profile with the cluster that it goes to, its secrets, and what may be sent to' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand send" -l environment -d 'The environment whose variables fill it in, of environments.toml beside the request' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand send" -l set -d 'A variable of its own; may be given several times' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand send" -l confirm -d 'The name of what it goes to, where that has to be confirmed: a source\'s, or host:port' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchboard -n "__fish_switchboard_using_subcommand send" -s V -l version -d 'Print version'
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l plan -d 'The plan (JSON), as the window saves it' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l file -d 'Records, one a line, as the window exports them or kcat -J writes them' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l to -d 'The cluster to which the records of the file go, by the name of its source' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l target -d 'The topic to which all of the file go; without it each goes to its own' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l profile -d 'The profile with the clusters that it is about' -r -F
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l confirm -d 'The name of the cluster that it goes to, where that has to be confirmed' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l wait -d 'How long to wait until the first few were read, in seconds' -r
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l keep-time -d 'Each of the file keeps its time'
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l by-key -d 'Each of the file goes by its key, not to its old partition'
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l again -d 'Also those of the file that were sent before, or may have been'
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l dry-run -d 'Read the records again and tell what would be sent; send nothing'
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -l unseen -d 'Send the rest also where nobody can be seen to read the first few'
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchboard -n "__fish_switchboard_using_subcommand replay" -s V -l version -d 'Print version'
complete -c switchboard -n "__fish_switchboard_using_subcommand help; and not __fish_seen_subcommand_from demo watch lab send replay help" -f -a "demo" -d 'Start a small business of real services on loopback and watch it'
complete -c switchboard -n "__fish_switchboard_using_subcommand help; and not __fish_seen_subcommand_from demo watch lab send replay help" -f -a "watch" -d 'Watch real systems: those of a profile, and whatever sends OTLP'
complete -c switchboard -n "__fish_switchboard_using_subcommand help; and not __fish_seen_subcommand_from demo watch lab send replay help" -f -a "lab" -d 'Run the demo\'s services alone, as a process of their own'
complete -c switchboard -n "__fish_switchboard_using_subcommand help; and not __fish_seen_subcommand_from demo watch lab send replay help" -f -a "send" -d 'Send one request from its file, and tell what was answered (JSON)'
complete -c switchboard -n "__fish_switchboard_using_subcommand help; and not __fish_seen_subcommand_from demo watch lab send replay help" -f -a "replay" -d 'Send the records of a plan that the window saved, or of a file, and tell what became of them (JSON)'
complete -c switchboard -n "__fish_switchboard_using_subcommand help; and not __fish_seen_subcommand_from demo watch lab send replay help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
