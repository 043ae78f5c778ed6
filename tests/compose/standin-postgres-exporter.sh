#!/usr/bin/env bash
# Builds prometheuscommunity/postgres-exporter for machines that cannot reach an image registry: the real program, built from
# its Go module, under the official name, with the official image's user, port and entry point. It needs Go and Docker.
set -euo pipefail
version=v0.17.1
image=prometheuscommunity/postgres-exporter:$version

docker image inspect "$image" >/dev/null 2>&1 && { echo "$image exists already"; exit; }
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

source=$(go mod download -json "github.com/prometheus-community/postgres_exporter@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
cp -r "$source" "$work/source"
chmod -R u+w "$work/source"
mkdir "$work/image"
(cd "$work/source" && CGO_ENABLED=0 go build -mod=mod -trimpath -buildvcs=false -ldflags='-s -w' -o "$work/image/" ./cmd/postgres_exporter)
cat >"$work/image/Dockerfile" <<'DOCKERFILE'
FROM gcr.io/distroless/static-debian12:nonroot
COPY postgres_exporter /bin/postgres_exporter
USER nobody
EXPOSE 9187
ENTRYPOINT ["/bin/postgres_exporter"]
DOCKERFILE
docker build --quiet --tag "$image" "$work/image"
