#!/bin/sh
# What an operator does with the package, as docs/GATEWAY.md tells it, each step looked at. Runs as root under systemd.
set -eux
cd /packages
name=smoltel-gateway
config=/etc/$name/gateway.toml
data=/var/lib/$name

# Asks until the answer holds, or half a minute is over.
until_says() {
    for _ in $(seq 150); do
        if "$1" 2>/dev/null | grep -q "$2"; then return; fi
        sleep 0.2
    done
    echo "never: $1 says $2"
    journalctl --no-pager -u $name
    exit 1
}
status() { curl -s http://127.0.0.1:4328/api/status; }
metrics() { curl -s http://127.0.0.1:4328/metrics; }
# How many log records wait.
waiting() { metrics | sed -n 's/^smoltel_gateway_backlog_items{.*signal="logs".*} //p'; }
archive() { cat $data/archive/*.jsonl; }
ready() { curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:4328/readyz; }

# Install: it runs, with nothing else on the machine.
dpkg -i old.deb
systemctl is-enabled $name
systemctl is-active $name
until_says ready 200
[ "$(stat -c %a $data/)" = 700 ]
[ "$(systemctl show -P NRestarts $name)" = 0 ]
$name send
until_says archive resourceSpans
until_says archive resourceMetrics
until_says archive resourceLogs
ps -o user= -C $name | grep -v root

# An upstream that is not there, everything over TLS and with a token, and a key for the spool.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=gateway \
    -addext subjectAltName=DNS:localhost -keyout /etc/$name/key.pem -out /etc/$name/cert.pem
openssl rand -hex 16 > /etc/$name/tokens
openssl rand -hex 32 > /etc/$name/spool.key
chmod 600 /etc/$name/key.pem /etc/$name/tokens /etc/$name/spool.key
chown $name: /etc/$name/key.pem /etc/$name/tokens /etc/$name/spool.key
cat >> $config <<CONFIG

[http]
listen = "0.0.0.0:4318"
certificate-file = "/etc/$name/cert.pem"
key-file = "/etc/$name/key.pem"
token-file = "/etc/$name/tokens"

[spool]
key-file = "/etc/$name/spool.key"

[[destination]]
url = "http://127.0.0.1:9"
CONFIG
systemctl restart $name
until_says ready 200
send() {
    curl -s -o /dev/null -w '%{http_code}\n' --cacert /etc/$name/cert.pem "$@" -H 'content-type: application/json' \
        -d '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"sealed"}}]}]}]}' https://localhost:4318/v1/logs
}
[ "$(send)" = 401 ]
[ "$(send -H "authorization: Bearer $(cat /etc/$name/tokens)")" = 200 ]
until_says waiting 1
if grep -rq sealed $data/spool; then exit 1; fi

# Another token, without a restart.
before=$(systemctl show -P MainPID $name)
openssl rand -hex 16 > /etc/$name/tokens
systemctl reload $name
new_token() { send -H "authorization: Bearer $(cat /etc/$name/tokens)"; }
until_says new_token 200
[ "$(systemctl show -P MainPID $name)" = "$before" ]

# What looks into the spool is run as the user whose it is.
systemctl stop $name
runuser -u $name -- $name spool verify --data-dir $data
runuser -u $name -- $name spool export --data-dir $data --config $config | grep -q sealed
systemctl start $name
until_says ready 200

# Upgrade: the config stays as it was changed, and so does what waits.
cp $config /changed
running=$(systemctl show -P MainPID $name)
dpkg -i new.deb
cmp $config /changed
systemctl is-active $name
[ "$(systemctl show -P MainPID $name)" != "$running" ]
until_says ready 200
until_says waiting 2
dpkg-query -W -f '${Version}' $name | grep -q 99

# It is killed, and comes back with what it has.
systemctl kill -s KILL $name
until_says ready 200
until_says waiting 2

# Removed, it stops and leaves config and spool; installed again, it goes on.
dpkg -r $name
if systemctl is-active $name; then exit 1; fi
[ -e $data/spool/spool.dat ] && cmp $config /changed
dpkg -i new.deb
until_says ready 200
until_says waiting 2

# A stop takes no longer than it says, and is no failure.
systemctl stop $name
[ "$(systemctl show -P Result $name)" = success ]

# Purged, nothing of it is left but what the operator put elsewhere.
dpkg -P $name
for path in /etc/$name $data /usr/bin/$name /lib/systemd/system/$name.service; do
    if [ -e $path ] || [ -L $path ]; then echo "$path is left"; exit 1; fi
done
echo everything holds
