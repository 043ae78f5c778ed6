#!/bin/sh
# Generates the three files of secrets from their examples, with random values. Existing files are kept.
set -eu
cd "$(dirname "$0")"
umask 077

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

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
  filled=$(cat "$example")
  for name in jwt admin auth user order product token kafka-gateway kafka-auth kafka-user kafka-order kafka-product kafka-topics kafka-exporter; do
    filled=$(printf '%s\n' "$filled" | sed "s/<$name>/$(random)/g")
  done
  printf '%s\n' "$filled" | grep -v '^#' >"$file"
  echo "$file written"
done
