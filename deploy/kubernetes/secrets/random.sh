#!/bin/sh
# Generates the three files of secrets from their examples, with random values. Existing files are kept. Needs openssl, for the keys
# with which services sign their events.
set -eu
cd "$(dirname "$0")"
umask 077

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

key=$(mktemp)
trap 'rm -f "$key"' EXIT

# Replaces the signing keys and their public keys. Both encodings of an Ed25519 key (RFC 8410) end in its 32 bytes.
event_keys() {
  filled=$1
  public=
  for name in auth user order product; do
    openssl genpkey -algorithm ed25519 -outform DER >"$key"
    filled=$(printf '%s\n' "$filled" | sed "s|<$name-event-key>|$(tail -c 32 "$key" | base64)|")
    public=$public,$name=$(openssl pkey -inform DER -in "$key" -pubout -outform DER | tail -c 32 | base64)
  done
  printf '%s\n' "$filled" | sed "s|<event-public-keys>|${public#,}|"
}

for example in *.env.example; do
  file=${example%.example}
  if [ -e "$file" ]; then
    if [ -n "$(find "$file" -perm /077)" ]; then
      echo "$file holds secrets, and others may read it: run \`chmod 600 $file\`" >&2
      exit 1
    fi
    echo "$file exists: kept"
    continue
  fi
  filled=$(event_keys "$(cat "$example")")
  for name in jwt admin auth user order product token kafka-gateway kafka-auth kafka-user kafka-order kafka-product kafka-topics kafka-exporter; do
    filled=$(printf '%s\n' "$filled" | sed "s/<$name>/$(random)/g")
  done
  printf '%s\n' "$filled" | grep -v '^#' >"$file"
  echo "$file written"
done
