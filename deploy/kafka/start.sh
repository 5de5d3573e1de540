#!/bin/sh
# Starts one Kafka node (KRaft) in the foreground; fetches and formats what is missing first.
#
#   KAFKA_DATA   where the log lives          default: $XDG_DATA_HOME/flankwatch/kafka (never a temp folder)
#   KAFKA_JARS   where the jars are kept      default: $XDG_CACHE_HOME/flankwatch/kafka-<version>
#   KAFKA_PORT   port for clients             default: 9092
#   KAFKA_CONTROLLER_PORT                     default: 9093
#   KAFKA_HEAP   Java heap                    default: 512m
#   KAFKA_EXTRA  a file of further properties, later ones win
#
#   start.sh --prepare      only fetches the jars and prints their folder
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")
data=${KAFKA_DATA:-${XDG_DATA_HOME:-$HOME/.local/share}/flankwatch/kafka}
jars=${KAFKA_JARS:-${XDG_CACHE_HOME:-$HOME/.cache}/flankwatch/kafka-$version}
port=${KAFKA_PORT:-9092}
controller_port=${KAFKA_CONTROLLER_PORT:-9093}
heap=${KAFKA_HEAP:-512m}

fail() { echo "kafka: $1" >&2; exit 2; }

command -v java >/dev/null 2>&1 || fail "java (17 or newer) is not installed"
if [ ! -f "$jars/.complete" ]; then
    command -v mvn >/dev/null 2>&1 || fail "mvn is not installed; it fetches Kafka's jars once"
    # A folder of its own until complete: two first starts do not get in each other's way.
    draft="$jars.$$"
    mkdir -p "$draft"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$draft" >&2 ||
        fail "Maven could not fetch Kafka $version"
    touch "$draft/.complete"
    rm -rf "$jars"
    mv "$draft" "$jars" 2>/dev/null || rm -rf "$draft"
fi
if [ "${1:-}" = --prepare ]; then
    echo "$jars"
    exit 0
fi

mkdir -p "$data"
sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$controller_port|g" -e "s|@LOG_DIRS@|$data/log|g" \
    "$here/kraft.properties" >"$data/kraft.properties"
if [ -n "${KAFKA_EXTRA:-}" ]; then
    cat "$KAFKA_EXTRA" >>"$data/kraft.properties"
fi

# The * is Java's own, not the shell's.
tool() { java -Xmx"$heap" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$jars/*" "$@"; }
if [ ! -f "$data/log/meta.properties" ]; then
    id=$(tool kafka.tools.StorageTool random-uuid 2>/dev/null)
    tool kafka.tools.StorageTool format -t "$id" -c "$data/kraft.properties" >&2
fi
echo "kafka: $version on 127.0.0.1:$port, data in $data" >&2
exec java -Xmx"$heap" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$jars/*" \
    kafka.Kafka "$data/kraft.properties"
