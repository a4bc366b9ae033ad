# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_smoltel_gateway_global_optspecs
    string join \n http= grpc= link= serial= admin= certificate= key= client-ca= token-file= upstream= data-dir= config= h/help
end

function __fish_smoltel_gateway_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_smoltel_gateway_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_smoltel_gateway_using_subcommand
    set -l cmd (__fish_smoltel_gateway_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l http -d 'OTLP/HTTP listens here, or `off` [default: 127.0.0.1:4318]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l grpc -d 'OTLP/gRPC listens here, or `off` [default: 127.0.0.1:4317]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l link -d 'The device link over TCP listens here, or `off` [default: 127.0.0.1:4319]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l serial -d 'A serial line with a device at its other end; may be repeated [default speed: 115200]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l admin -d 'Status page, /metrics, /healthz, /readyz and /api/status, or `off` [default: 127.0.0.1:4328]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l certificate -d 'The certificate of both OTLP listeners, and those above it, in PEM: they speak TLS' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l key -d 'The certificate\'s private key, in PEM' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l client-ca -d 'Senders have to show a certificate of an authority in this file' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l token-file -d 'Senders have to show a token of this file, which has one a line' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l upstream -d 'Where to forward to by OTLP/HTTP, such as http://collector:4318; when it fails, to the next one, if it is repeated' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -f -a "check" -d 'Validates the configuration and prints the effective one'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -f -a "spool" -d 'Looks into the spool'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -f -a "devices" -d 'Shows the devices that a running gateway has met'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -f -a "send" -d 'Sends test telemetry to an OTLP/HTTP endpoint'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l http -d 'OTLP/HTTP listens here, or `off` [default: 127.0.0.1:4318]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l grpc -d 'OTLP/gRPC listens here, or `off` [default: 127.0.0.1:4317]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l link -d 'The device link over TCP listens here, or `off` [default: 127.0.0.1:4319]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l serial -d 'A serial line with a device at its other end; may be repeated [default speed: 115200]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l admin -d 'Status page, /metrics, /healthz, /readyz and /api/status, or `off` [default: 127.0.0.1:4328]' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l certificate -d 'The certificate of both OTLP listeners, and those above it, in PEM: they speak TLS' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l key -d 'The certificate\'s private key, in PEM' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l client-ca -d 'Senders have to show a certificate of an authority in this file' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l token-file -d 'Senders have to show a token of this file, which has one a line' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l upstream -d 'Where to forward to by OTLP/HTTP, such as http://collector:4318; when it fails, to the next one, if it is repeated' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -l json -d 'As JSON'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand check" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -f -a "ls" -d 'Shows what waits for whom'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -f -a "verify" -d 'Reads everything, and says what is damaged and what that means; changes nothing unless told'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -f -a "export" -d 'Writes everything that is kept, delivered or not, as OTLP JSON Lines; the spool keeps it, and a gateway may run'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -f -a "drain" -d 'Sends what waits for a destination somewhere else, and lets go of it'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -f -a "retire" -d 'Forgets a destination: nothing is kept for it any more'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -f -a "quarantine" -d 'Shows what was set aside: damaged segments, and records that a destination refused for good'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and not __fish_seen_subcommand_from ls verify export drain retire quarantine help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from ls" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from ls" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from ls" -l json -d 'As JSON'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from verify" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from verify" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from verify" -l repair -d 'Gives up and counts what is damaged; the gateway must not run'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from verify" -l json -d 'As JSON'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from export" -l to -d 'Into {traces,metrics,logs}.jsonl in this directory, instead of stdout' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from export" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from export" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from drain" -l to -d 'An OTLP/HTTP endpoint, such as http://collector:4318' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from drain" -l destination -d 'The destination for which they wait, if there are several' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from drain" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from drain" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from retire" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from retire" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from retire" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from quarantine" -l data-dir -d 'The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from quarantine" -l config -d 'A config file in TOML' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from quarantine" -l export -d 'The refused records themselves, as OTLP JSON Lines'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from quarantine" -l json -d 'As JSON'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from quarantine" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "ls" -d 'Shows what waits for whom'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Reads everything, and says what is damaged and what that means; changes nothing unless told'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes everything that is kept, delivered or not, as OTLP JSON Lines; the spool keeps it, and a gateway may run'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "drain" -d 'Sends what waits for a destination somewhere else, and lets go of it'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "retire" -d 'Forgets a destination: nothing is kept for it any more'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "quarantine" -d 'Shows what was set aside: damaged segments, and records that a destination refused for good'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand devices" -l from -d 'The gateway\'s admin port' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand devices" -l token-file -d 'A file with the token that it asks for' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand devices" -l ca-file -d 'Authorities in PEM to trust instead of Mozilla\'s, for an https URL' -r -F
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand devices" -l json -d 'As JSON'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand devices" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand send" -l to -d 'Where to send to' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand send" -l traces -d 'How many spans' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand send" -l metrics -d 'How many data points' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand send" -l logs -d 'How many log records' -r
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand send" -s h -l help -d 'Print help'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and not __fish_seen_subcommand_from check spool devices send help" -f -a "check" -d 'Validates the configuration and prints the effective one'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and not __fish_seen_subcommand_from check spool devices send help" -f -a "spool" -d 'Looks into the spool'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and not __fish_seen_subcommand_from check spool devices send help" -f -a "devices" -d 'Shows the devices that a running gateway has met'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and not __fish_seen_subcommand_from check spool devices send help" -f -a "send" -d 'Sends test telemetry to an OTLP/HTTP endpoint'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and not __fish_seen_subcommand_from check spool devices send help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "ls" -d 'Shows what waits for whom'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "verify" -d 'Reads everything, and says what is damaged and what that means; changes nothing unless told'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "export" -d 'Writes everything that is kept, delivered or not, as OTLP JSON Lines; the spool keeps it, and a gateway may run'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "drain" -d 'Sends what waits for a destination somewhere else, and lets go of it'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "retire" -d 'Forgets a destination: nothing is kept for it any more'
complete -c smoltel-gateway -n "__fish_smoltel_gateway_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "quarantine" -d 'Shows what was set aside: damaged segments, and records that a destination refused for good'
